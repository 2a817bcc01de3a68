//! HTTP to model servers: one connection pool for the process, bounded in time and size.
//!
//! There is a limit for connecting and one for silence, none for the whole answer: a slow local model may take an
//! hour as long as it says something. Requests are never repeated here; that is the session's decision.

use std::{error::Error as _, sync::OnceLock, time::Duration};

use reqwest::{Client, Response, Url, redirect};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::sse::{SseEvent, SseParser, TooLong};

/// Longest error body that is read, and the longest that is shown.
const MAX_ERROR_BODY: usize = 64 << 10;
const MAX_ERROR_TEXT: usize = 4000;

/// Time limits of a model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpOptions {
    /// For the connection, TLS included.
    pub connect_timeout: Duration,
    /// Between two pieces of an answer, and before the first.
    pub idle_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(30), idle_timeout: Duration::from_secs(300) }
    }
}

/// Why a call failed. The text is what the person reads and what decides about a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The user stopped it.
    #[error("Request was aborted")]
    Aborted,
    /// The server answered with a failure.
    #[error("{status}: {body}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Body, bounded; never empty.
        body: String,
    },
    /// The connection failed.
    #[error("Connection error: {0}")]
    Connection(String),
    /// The other side could not be trusted; trying again does not help.
    #[error("certificate not accepted: {0}; set SSL_CERT_FILE if your network has its own authority")]
    Certificate(String),
    /// Too much silence.
    #[error("Request timed out: {0}")]
    Timeout(String),
    /// The answer makes no sense, or says that it failed.
    #[error("{0}")]
    Protocol(String),
}

impl From<TooLong> for CallError {
    fn from(error: TooLong) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// A request to a model server.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub url: String,
    /// Later ones replace earlier ones of the same name.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// Connection pools, each made when first needed: the system's certificates are only read for https.
#[derive(Debug, Default)]
pub struct Http {
    options: HttpOptions,
    loopback: OnceLock<Client>,
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
}

impl Http {
    /// With these limits.
    pub fn new(options: HttpOptions) -> Self {
        Self { options, ..Self::default() }
    }

    fn client(&self, url: &Url) -> Result<&Client, CallError> {
        let secure = url.scheme() == "https";
        let slot = match (secure, is_loopback(url)) {
            (true, _) => &self.secure,
            (false, true) => &self.loopback,
            (false, false) => &self.plain,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .connect_timeout(self.options.connect_timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("pi-server/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .tls_built_in_root_certs(secure);
        if !secure && is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| classify(error, self.options.connect_timeout))?;
        Ok(slot.get_or_init(|| client))
    }

    /// Sends `post` and hands every event of the answer to `on_event` until that says the answer is complete
    /// (`true`) or the stream ends.
    pub(crate) async fn stream(
        &self,
        post: Post,
        cancel: &CancellationToken,
        on_event: &mut (dyn FnMut(SseEvent) -> Result<bool, CallError> + Send),
    ) -> Result<(), CallError> {
        let mut response = self.open(post, cancel).await?;
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        loop {
            let chunk = self.within(cancel, response.chunk()).await?;
            let (over, fed) = match &chunk {
                Some(bytes) => (false, parser.feed(bytes, &mut |it| events.push(it))),
                None => {
                    parser.finish(&mut |it| events.push(it));
                    (true, Ok(()))
                }
            };
            for event in events.drain(..) {
                if on_event(event)? {
                    return Ok(());
                }
            }
            fed?;
            if over {
                return Ok(());
            }
        }
    }

    async fn open(&self, post: Post, cancel: &CancellationToken) -> Result<Response, CallError> {
        let url = Url::parse(&post.url)
            .map_err(|error| CallError::Protocol(format!("base URL not usable: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CallError::Protocol(
                "base URL not usable: it must start with http:// or https://".into(),
            ));
        }
        let body = serde_json::to_vec(&post.body)
            .map_err(|error| CallError::Protocol(format!("request not serialisable: {error}")))?;
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, value) in &post.headers {
            let name = reqwest::header::HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| CallError::Protocol(format!("not a header name: {name:?}")))?;
            let mut value = reqwest::header::HeaderValue::from_str(value.trim()).map_err(|_| {
                CallError::Protocol(format!("the value of header {name} has characters a header cannot have"))
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let request = self.client(&url)?.post(url).headers(headers).body(body);
        let response = self.within(cancel, request.send()).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let raw = self.within_error_body(cancel, response).await?;
        let mut body = error_text(&raw);
        for (name, value) in &post.headers {
            body = redact(&body, name, value);
        }
        Err(CallError::Status { status, body })
    }

    async fn within<T>(
        &self,
        cancel: &CancellationToken,
        step: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, CallError> {
        let idle = self.options.idle_timeout;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(CallError::Aborted),
            outcome = tokio::time::timeout(idle, step) => match outcome {
                Ok(result) => result.map_err(|error| classify(error, self.options.connect_timeout)),
                Err(_) => Err(CallError::Timeout(format!("no data for {} s", idle.as_secs_f64()))),
            },
        }
    }

    /// As much of a failure's body as arrives; a body that breaks off does not hide the status.
    async fn within_error_body(
        &self,
        cancel: &CancellationToken,
        mut response: Response,
    ) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BODY {
            match self.within(cancel, response.chunk()).await {
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Err(CallError::Aborted) => return Err(CallError::Aborted),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(MAX_ERROR_BODY);
        Ok(body)
    }

    /// The status of a GET request; nothing if there is no answer in time.
    pub(crate) async fn status(
        &self,
        url: &str,
        headers: &[(String, String)],
        limit: Duration,
    ) -> Option<u16> {
        let url = Url::parse(url).ok()?;
        let mut request = self.client(&url).ok()?.get(url);
        for (name, value) in headers {
            let mut value = reqwest::header::HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let answer = tokio::time::timeout(limit, request.send()).await;
        Some(answer.ok()?.ok()?.status().as_u16())
    }

    /// The JSON a GET answers with within `limit`; used to look for local servers.
    pub(crate) async fn get_json(&self, url: &str, limit: Duration) -> Option<Value> {
        let url = Url::parse(url).ok()?;
        let request = self.client(&url).ok()?.get(url);
        tokio::time::timeout(limit, async {
            let mut response = request.send().await.ok()?.error_for_status().ok()?;
            let mut body = Vec::new();
            while let Some(bytes) = response.chunk().await.ok()? {
                body.extend_from_slice(&bytes);
                if body.len() > 4 << 20 {
                    return None;
                }
            }
            serde_json::from_slice(&body).ok()
        })
        .await
        .ok()
        .flatten()
    }
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(|it| it.trim_matches(['[', ']'])) {
        Some(host) => {
            host == "localhost"
                || host.ends_with(".localhost")
                || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
        }
        None => false,
    }
}

fn error_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    // JSON on one line, so that it does not fill the screen.
    let mut text = match serde_json::from_slice::<Value>(body) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => json.to_string(),
        _ => text.trim().to_owned(),
    };
    if text.is_empty() {
        return "status code (no body)".into();
    }
    if text.len() > MAX_ERROR_TEXT {
        text.truncate(beginning(&text, MAX_ERROR_TEXT).len());
        text.push('…');
    }
    text
}

/// The beginning of a text, at most `max` bytes of whole characters.
pub(crate) fn beginning(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Headers every request has; what they say is no secret.
const PUBLIC_HEADERS: [&str; 5] =
    ["content-type", "accept", "anthropic-version", "anthropic-beta", "x-session-affinity"];

/// Removes a secret a server repeated: the value of any header but the usual ones.
fn redact(text: &str, header: &str, value: &str) -> String {
    let secret = value.strip_prefix("Bearer ").unwrap_or(value).trim();
    // Short values would tear holes into the text.
    if secret.len() < 8 || PUBLIC_HEADERS.iter().any(|it| it.eq_ignore_ascii_case(header)) {
        return text.to_owned();
    }
    text.replace(secret, "***")
}

fn classify(error: reqwest::Error, connect_timeout: Duration) -> CallError {
    if error.is_timeout() {
        return CallError::Timeout(format!("no connection within {} s", connect_timeout.as_secs_f64()));
    }
    // The address is left out: it may carry a key.
    let error = error.without_url();
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let last = causes.last().cloned().unwrap_or_default();
    if causes.iter().any(|it| it.contains("certificate")) {
        return CallError::Certificate(last);
    }
    if causes.iter().any(|it| it.contains("dns error")) {
        return CallError::Connection(format!("host not found ({last})"));
    }
    CallError::Connection(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_are_bounded_and_on_one_line() {
        for (body, expected) in [
            ("", "status code (no body)"),
            ("  \n", "status code (no body)"),
            ("{\n  \"error\": {\n \"message\": \"x\" }\n}", r#"{"error":{"message":"x"}}"#),
            ("<html>no</html>\n", "<html>no</html>"),
        ] {
            assert_eq!(error_text(body.as_bytes()), expected);
        }
        let long = error_text("ü".repeat(50_000).as_bytes());
        assert!(long.len() <= MAX_ERROR_TEXT + '…'.len_utf8() && long.ends_with('…'));
    }

    #[test]
    fn keys_do_not_reach_the_text() {
        for (name, value, text, expected) in [
            ("authorization", "Bearer sk-1234/5678+", "bad key sk-1234/5678+!", "bad key ***!"),
            ("x-mine", "hunter2hunter2", "hunter2hunter2", "***"),
            ("accept", "application/json", "wants application/json", "wants application/json"),
            ("x-mine", "on", "on and on", "on and on"),
        ] {
            assert_eq!(redact(text, name, value), expected);
        }
    }

    #[test]
    fn loopback_hosts() {
        for (url, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost", true),
            ("http://example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
