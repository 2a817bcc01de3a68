//! OpenAI Chat Completions (`openai-completions`, providers.md §3): the dialect of most hosts and of every local
//! server. What a host does differently is in [`compat`], found by its address and set per model.

mod compat;
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
    let compat = compat::Compat::of(&request.model);
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
    if compat.session_affinity && !request.session_id.is_empty() {
        headers.push(("x-session-affinity".into(), request.session_id.to_string()));
    }
    let post = Post {
        url: dialect::join_url(&request.model.base_url, "chat/completions"),
        headers: dialect::merge_headers(headers, &endpoint.headers),
        body: request::body(request, &compat),
    };
    let mapper = stream::Stream::new(request.model.clone(), compat.finish_reason);
    dialect::run(http, request, post, mapper, cancel, out).await
}
