//! Asking models: wire dialects over HTTP, the model registry, and a scripted model for demos and tests.
//!
//! One module per wire dialect. The core sees two traits only, both implemented by [`Registry`]: which models there
//! are, and one streaming call. Sessions, retries and tools are not this crate's business.

mod anthropic;
mod auth;
pub mod catalog;
mod check;
mod dialect;
pub mod faux;
mod files;
mod google;
mod http;
mod local;
mod models_json;
mod openai_completions;
mod openai_responses;
mod registry;
pub mod select;
pub mod sse;
mod transform;
mod values;

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod testing;

pub use http::HttpOptions;
pub use local::LocalServer;
pub use registry::{KeySource, Registry, RegistryOptions};
