//! Which calls of tools are run, by the mode of the session.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pi_core::{PermissionQuery, Permissions, RuleScope, Verdict, visible::visible};
use pi_protocol::{PermissionChoice, PermissionMode, PermissionOption, PermissionRequest, PermissionRisk};

/// Decides for one session.
#[derive(Debug)]
pub struct HostPermissions {
    mode: Mutex<PermissionMode>,
}

impl HostPermissions {
    /// In this mode.
    pub fn new(mode: PermissionMode) -> Self {
        Self { mode: Mutex::new(mode) }
    }
}

#[async_trait]
impl Permissions for HostPermissions {
    fn mode(&self) -> PermissionMode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_mode(&self, mode: PermissionMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    async fn check(&self, query: PermissionQuery) -> Verdict {
        match self.mode() {
            _ if query.read_only => Verdict::Allow,
            PermissionMode::Full => Verdict::Allow,
            PermissionMode::Plan => {
                Verdict::Deny("In mode plan nothing is changed and no command is run.".into())
            }
            PermissionMode::Ask | PermissionMode::Edit => {
                let option =
                    |id, label: &str| PermissionOption { id, label: label.into(), rules: Vec::new() };
                let title = format!("Pi wants to use {}", query.tool);
                let what = query.access.command.clone().unwrap_or_else(|| query.access.writes.join(", "));
                Verdict::Ask(Box::new(PermissionRequest {
                    tool_call_id: query.call_id,
                    text: visible(&format!("{title}\n\n{what}")).into_owned(),
                    title,
                    tool: query.tool,
                    command: query.access.command,
                    paths: query.access.writes,
                    reason: query.reason,
                    risk: PermissionRisk::Medium,
                    choices: vec![
                        option(PermissionChoice::AllowOnce, "Allow once"),
                        option(PermissionChoice::Reject, "Reject"),
                        option(PermissionChoice::RejectStop, "Reject and stop"),
                        option(PermissionChoice::RejectMessage, "Reject and say why…"),
                    ],
                    ..PermissionRequest::default()
                }))
            }
        }
    }

    fn remember(&self, _rules: &[String], _scope: RuleScope) -> Result<(), String> {
        Ok(())
    }

    fn nobody_to_ask(&self, request: &PermissionRequest) -> String {
        format!(
            "{} was not run: it needs permission and nobody is there to ask. Start pi with --permission-mode full, \
             or set permissions.mode.",
            request.tool
        )
    }
}
