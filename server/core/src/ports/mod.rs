//! What the core needs from outside. Implemented in `host` and `providers`, put together in `server`.

mod expander;
mod models;
mod permissions;
mod provider;
mod settings;
mod shell;
mod store;
mod tool;

pub use expander::{ExpandError, Expander};
pub use models::{Models, ScopedModel};
pub use permissions::{Access, PermissionQuery, Permissions, RuleScope, Verdict};
pub use provider::{ModelRequest, Provider, ProviderEvent, ThinkingBudgets};
pub use settings::{
    CompactionLimits, CompactionSettings, PartialCompactionLimits, RetrySettings, SessionSettings,
    SettingChange, Settings, SteeringInterrupt,
};
pub use shell::Shell;
pub use store::{SessionStore, StoreError};
pub use tool::{Permit, Tool, ToolContext, ToolError, ToolSpec};
