//! Why a command failed.

use std::fmt;

/// A failed command. The text is for a person and, where Pi has one, equal to Pi's, as clients match on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// What kind of failure; decides the JSON-RPC code over LSP.
    pub code: ErrorCode,
    /// What happened and what to do.
    pub message: String,
}

/// Kinds of failure, with their JSON-RPC codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The fields are wrong (−32602).
    InvalidParams,
    /// The command does not exist (−32601).
    UnknownMethod,
    /// The command is right but cannot be done now or at all (−32803, LSP's RequestFailed).
    Failed,
    /// The server is overloaded; try again later (−32001).
    Overloaded,
    /// Our fault (−32603).
    Internal,
}

impl ErrorCode {
    /// The JSON-RPC code.
    pub fn json_rpc(self) -> i64 {
        match self {
            ErrorCode::InvalidParams => -32602,
            ErrorCode::UnknownMethod => -32601,
            ErrorCode::Failed => -32803,
            ErrorCode::Overloaded => -32001,
            ErrorCode::Internal => -32603,
        }
    }
}

impl CommandError {
    /// The command cannot be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::Failed, message: message.into() }
    }

    /// The fields are wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidParams, message: message.into() }
    }

    /// Our fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::Internal, message: message.into() }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}
