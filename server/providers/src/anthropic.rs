//! Anthropic Messages (`anthropic-messages`, providers.md §2).
//!
//! Speaks as itself with API keys only; subscription logins of the vendor's own client are not used.

mod request;
mod stream;

use pi_core::{CancellationToken, ModelRequest, ProviderEvent};
use pi_protocol::AssistantMessage;

use crate::{
    dialect::{self, Credential, Endpoint},
    http::{CallError, Http, Post},
};

/// Keys of subscription logins start like this.
const SUBSCRIPTION_PREFIX: &str = "sk-ant-oat";

pub(crate) async fn stream(
    http: &Http,
    request: &ModelRequest,
    endpoint: &Endpoint,
    cancel: &CancellationToken,
    out: &mut (dyn FnMut(ProviderEvent) + Send),
) -> AssistantMessage {
    let mut headers: Vec<(String, String)> = [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("anthropic-version", "2023-06-01"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    match &endpoint.credential {
        Credential::Key(key) | Credential::Bearer(key) if key.starts_with(SUBSCRIPTION_PREFIX) => {
            let text = "this is a subscription token of another program; set ANTHROPIC_API_KEY to an API key";
            return dialect::fail(dialect::blank(request), CallError::Protocol(text.into()));
        }
        Credential::Key(key) => headers.push(("x-api-key".into(), key.clone())),
        Credential::Bearer(key) => headers.push(("authorization".into(), format!("Bearer {key}"))),
        Credential::Keyless => {}
    }
    let body = request::body(request);
    let mut betas = vec!["fine-grained-tool-streaming-2025-05-14"];
    if body.pointer("/thinking/budget_tokens").is_some() {
        betas.push("interleaved-thinking-2025-05-14");
    }
    headers.push(("anthropic-beta".into(), betas.join(",")));
    let post = Post {
        url: url(&request.model.base_url),
        headers: dialect::merge_headers(headers, &endpoint.headers),
        body,
    };
    dialect::run(http, request, post, stream::Stream::new(request.model.clone()), cancel, out).await
}

fn url(base: &str) -> String {
    let base = base.trim_end_matches('/');
    dialect::join_url(base.strip_suffix("/v1").unwrap_or(base), "v1/messages")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_in_the_path_once() {
        for base in
            ["https://api.anthropic.com", "https://api.anthropic.com/", "https://api.anthropic.com/v1"]
        {
            assert_eq!(super::url(base), "https://api.anthropic.com/v1/messages");
        }
    }
}
