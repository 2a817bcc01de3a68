//! Google Gemini (`google-generative-ai`, providers.md §5) with an API key. Vertex and the vendor's own command
//! line client are not spoken here.

mod models;
mod request;
mod stream;

use pi_core::{CancellationToken, ModelRequest, ProviderEvent};
use pi_protocol::AssistantMessage;

use crate::{
    dialect::{self, Credential, Endpoint},
    http::{Http, Post},
};

pub(crate) async fn stream(
    http: &Http,
    request: &ModelRequest,
    endpoint: &Endpoint,
    cancel: &CancellationToken,
    out: &mut (dyn FnMut(ProviderEvent) + Send),
) -> AssistantMessage {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("accept".to_owned(), "text/event-stream".to_owned()),
    ];
    match &endpoint.credential {
        Credential::Key(key) => headers.push(("x-goog-api-key".into(), key.clone())),
        Credential::Bearer(key) => headers.push(("authorization".into(), format!("Bearer {key}"))),
        Credential::Keyless => {}
    }
    let post = Post {
        url: url(&request.model.base_url, &request.model.id),
        headers: dialect::merge_headers(headers, &endpoint.headers),
        body: request::body(request),
    };
    dialect::run(http, request, post, stream::Stream::new(request.model.clone()), cancel, out).await
}

fn url(base: &str, id: &str) -> String {
    let id = id.strip_prefix("models/").unwrap_or(id);
    dialect::join_url(base, &format!("models/{id}:streamGenerateContent?alt=sse"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_model_is_in_the_path_once() {
        for (base, id) in [("https://g/v1beta", "m-1"), ("https://g/v1beta/", "models/m-1")] {
            assert_eq!(super::url(base, id), "https://g/v1beta/models/m-1:streamGenerateContent?alt=sse");
        }
    }
}
