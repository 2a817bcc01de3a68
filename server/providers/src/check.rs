//! Whether a provider takes the key that is set up for it: one request that costs nothing, its list of models.

use std::time::Duration;

use pi_protocol::Model;

use crate::{
    dialect::{self, Credential, Endpoint},
    http::Http,
};

/// Who does not answer by then has not refused.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The status of a refusal; nothing if the key is taken, or if that cannot be told.
pub(crate) async fn refusal(http: &Http, model: &Model, endpoint: &Endpoint) -> Option<u16> {
    let (Credential::Key(key) | Credential::Bearer(key)) = &endpoint.credential else { return None };
    let bearer = ("authorization".to_owned(), format!("Bearer {key}"));
    let base = model.base_url.trim_end_matches('/');
    let (path, header) = match (&*model.api, &endpoint.credential) {
        ("anthropic-messages", Credential::Key(_)) => ("v1/models", ("x-api-key".into(), key.clone())),
        ("anthropic-messages", _) => ("v1/models", bearer),
        ("google-generative-ai", Credential::Key(_)) => ("models", ("x-goog-api-key".into(), key.clone())),
        // Its list of models is for everybody.
        _ if model.provider == "openrouter" => ("key", bearer),
        _ => ("models", bearer),
    };
    let base = if path.starts_with("v1/") { base.strip_suffix("/v1").unwrap_or(base) } else { base };
    let ours = vec![("anthropic-version".to_owned(), "2023-06-01".to_owned()), header];
    let headers = dialect::merge_headers(ours, &endpoint.headers);
    let status = http.status(&dialect::join_url(base, path), &headers, TIMEOUT).await?;
    // Google calls a bad key a bad request.
    let refused = matches!(status, 401 | 403) || (status == 400 && model.api == "google-generative-ai");
    refused.then_some(status)
}

#[cfg(test)]
mod tests {
    use crate::{RegistryOptions, testing};

    #[tokio::test]
    async fn a_key_that_is_refused_is_told_from_one_that_is_taken_or_cannot_be_tried() {
        for (api, status, expected) in [
            ("openai-completions", "401 Unauthorized", Some(401)),
            ("anthropic-messages", "403 Forbidden", Some(403)),
            ("google-generative-ai", "400 Bad Request", Some(400)),
            ("openai-completions", "400 Bad Request", None),
            ("openai-completions", "200 OK", None),
            ("anthropic-messages", "529 Busy", None),
        ] {
            let base = testing::serve(vec![testing::answer(status, "application/json", "{}")]).await;
            let registry = testing::registry(api, &base, RegistryOptions::default());
            assert_eq!(registry.key_refusal("p").await, expected, "{api} {status}");
            // Nobody listens there any more.
            assert_eq!(registry.key_refusal("p").await, None, "{api} {status}");
        }
        let registry =
            testing::registry("openai-completions", "http://127.0.0.1:1", RegistryOptions::default());
        assert_eq!(registry.key_refusal("nobody").await, None);
    }
}
