//! OpenAI Responses (`openai-responses`, providers.md §4), stateless: the whole conversation goes with every
//! request and reasoning comes back encrypted. Sign-in with ChatGPT and Azure are not spoken here.

mod ids;
mod request;
mod stream;

use pi_core::{CancellationToken, ModelRequest, ProviderEvent};
use pi_protocol::AssistantMessage;
use serde_json::Value;

use crate::{
    dialect::{self, CacheRetention, Credential, Endpoint},
    http::{Http, Post},
};

pub(crate) async fn stream(
    http: &Http,
    request: &ModelRequest,
    endpoint: &Endpoint,
    cancel: &CancellationToken,
    out: &mut (dyn FnMut(ProviderEvent) + Send),
) -> AssistantMessage {
    let retention = CacheRetention::from_env();
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("accept".to_owned(), "text/event-stream".to_owned()),
    ];
    match &endpoint.credential {
        Credential::Key(key) | Credential::Bearer(key) => {
            headers.push(("authorization".into(), format!("Bearer {key}")));
        }
        Credential::Keyless => {}
    }
    if request.model.base_url.contains("//api.openai.com")
        && retention != CacheRetention::None
        && !request.session_id.is_empty()
    {
        // Requests of one session meet the same cache.
        headers.push(("session_id".into(), request.session_id.to_string()));
        headers.push(("x-client-request-id".into(), request.session_id.to_string()));
    }
    let body = request::body(request, retention);
    let tier = body.get("service_tier").and_then(Value::as_str).map(Into::into);
    let post = Post {
        url: dialect::join_url(&request.model.base_url, "responses"),
        headers: dialect::merge_headers(headers, &endpoint.headers),
        body,
    };
    dialect::run(http, request, post, stream::Stream::new(request.model.clone(), tier), cancel, out).await
}
