//! Tells Zed how to start `pi lsp`: Zed starts no language server that only its settings name.
//!
//! It downloads nothing. The program is the one that `lsp.pi.binary` in the settings names, else `pi` on the PATH.

use zed_extension_api::{
    self as zed,
    serde_json::{json, Value},
    settings::LspSettings,
    Command, Extension, LanguageServerId, Result, Worktree,
};

/// The program that is looked for.
const PROGRAM: &str = "pi";
/// What makes it a language server.
const ARGUMENTS: [&str; 1] = ["lsp"];

struct Pi;

impl Extension for Pi {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, id: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(id.as_ref(), worktree)?.binary;
        let (path, arguments, env) = binary.map_or((None, None, None), |it| (it.path, it.arguments, it.env));
        let command = path.or_else(|| worktree.which(PROGRAM)).ok_or_else(|| {
            format!(
                "The {PROGRAM} program was not found. Looked in: lsp.pi.binary.path of the settings, PATH."
            )
        })?;
        let args = arguments.unwrap_or_else(|| ARGUMENTS.map(str::to_owned).to_vec());
        // Keys of providers are in the user's environment.
        let mut all = worktree.shell_env();
        all.extend(env.unwrap_or_default());
        Ok(Command { command, args, env: all })
    }

    fn language_server_initialization_options(
        &mut self,
        id: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let options = LspSettings::for_worktree(id.as_ref(), worktree)?.initialization_options;
        // Zed saves by itself and does not say why: a prompt is sent when it ends with a line `---`.
        Ok(Some(options.unwrap_or_else(|| json!({ "chat": { "sendOn": "marker" } }))))
    }

    fn language_server_workspace_configuration(
        &mut self,
        id: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        Ok(LspSettings::for_worktree(id.as_ref(), worktree)?.settings)
    }
}

zed::register_extension!(Pi);
