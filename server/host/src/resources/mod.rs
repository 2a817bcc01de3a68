//! What goes into the system prompt and into messages: instructions of the project and the user, our own words,
//! prompt templates and skills.
//!
//! Packages arrive with the issue that brings them.

mod arguments;
mod context;
mod frontmatter;
mod places;
mod prompt;
mod skills;
mod slash;
mod templates;
#[cfg(test)]
mod testing;

pub use context::{ContextFile, PromptFiles, discover_context_files, load_prompt_files, text_or_file};
pub use places::{ResourceOptions, Sources};
pub use prompt::{SystemPromptInput, build_system_prompt, can_read};
pub use skills::Skill;
pub use slash::Resources;
pub use templates::TemplateAction;
