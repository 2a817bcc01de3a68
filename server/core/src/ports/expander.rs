//! What a message can begin with: prompt templates and skills.

use pi_protocol::SlashCommand;

/// A command that is known but could not be expanded. The message is then sent as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ExpandError {
    /// The file that was to be used.
    pub path: String,
    /// What failed, in the words of `extension_error`: `skill_expansion` or `prompt_expansion`.
    pub event: &'static str,
    /// Why.
    pub error: String,
}

/// Knows the user's templates and skills.
pub trait Expander: Send + Sync {
    /// The text the model gets in place of `message`; `None` when it begins with no command that is known, which
    /// is not an error: a path may begin with a slash, too.
    ///
    /// # Errors
    /// It begins with a known command whose file cannot be used.
    fn expand(&self, message: &str) -> Result<Option<String>, ExpandError>;

    /// All commands.
    fn commands(&self) -> Vec<SlashCommand>;
}
