//! Values of `models.json` and `auth.json` that stand for something else: commands and environment variables.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A command that has not answered by then gives no value.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the environment; replaced in tests.
pub(crate) type Env = fn(&str) -> Option<String>;

/// The process's environment; empty variables count as unset.
pub(crate) fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

/// Resolves values; remembers what commands answered for the life of the process.
#[derive(Debug)]
pub(crate) struct Values {
    env: Env,
    commands: Mutex<HashMap<String, Option<String>>>,
}

impl Values {
    pub fn new(env: Env) -> Self {
        Self { env, commands: Mutex::default() }
    }

    /// An environment variable.
    pub fn env(&self, name: &str) -> Option<String> {
        (self.env)(name)
    }

    /// Whether [`Self::resolve`] would give something, without running a command for it.
    pub fn is_set(&self, value: &str) -> bool {
        value.starts_with('!') || self.template(value).is_some()
    }

    /// Runs those of `values` that are commands and not known yet, away from the threads that serve sessions.
    pub async fn prepare(&self, values: impl Iterator<Item = &str>) {
        for command in values.filter_map(|it| it.strip_prefix('!')) {
            if self.commands.lock().unwrap_or_else(PoisonError::into_inner).contains_key(command) {
                continue;
            }
            let owned = command.to_owned();
            let answer = tokio::task::spawn_blocking(move || run(&owned)).await.ok().flatten();
            self.commands.lock().unwrap_or_else(PoisonError::into_inner).insert(command.to_owned(), answer);
        }
    }

    /// `!command` → its output; the name of a set variable → its value; else a template with `$NAME`, `${NAME}`,
    /// `$$` and `$!`. `None` when the command fails or a variable is not set.
    ///
    /// Commands that were not [prepared](Self::prepare) block the calling thread for up to ten seconds.
    pub fn resolve(&self, value: &str) -> Option<String> {
        let Some(command) = value.strip_prefix('!') else { return self.template(value) };
        let mut known = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(command) {
            return answer.clone();
        }
        let answer = run(command);
        known.insert(command.to_owned(), answer.clone());
        answer
    }

    fn template(&self, value: &str) -> Option<String> {
        let is_name = |it: &str| {
            it.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if is_name(value) {
            if let Some(found) = (self.env)(value) {
                return Some(found);
            }
        }
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('!') {
                out.push('!');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|it| it.split_once('}')) {
                out.push_str(&(self.env)(name)?);
                rest = after;
            } else {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                if !is_name(&rest[..end]) {
                    out.push('$');
                    continue;
                }
                out.push_str(&(self.env)(&rest[..end])?);
                rest = &rest[end..];
            }
        }
        out.push_str(rest);
        Some(out)
    }
}

/// The variables of the environment that a value may stand for. A command may use others.
pub(crate) fn variables(value: &str) -> Vec<String> {
    if value.starts_with('!') {
        return Vec::new();
    }
    let end = |it: &str| it.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(it.len());
    let mut names: Vec<String> = value
        .split('$')
        .skip(1)
        .map(|it| it.strip_prefix('{').unwrap_or(it))
        .map(|it| it[..end(it)].to_owned())
        .collect();
    if end(value) == value.len() {
        names.push(value.to_owned());
    }
    names.retain(|it| !it.is_empty());
    names
}

fn run(command: &str) -> Option<String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdout = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut out = Vec::new();
        let read = std::io::Read::read_to_end(&mut std::io::Read::take(&mut stdout, 64 << 10), &mut out);
        read.map(|_| out)
    });
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                if child.kill().is_ok() {
                    child.wait().ok()?;
                }
                tracing::warn!("a command for a key did not end within 10 s");
                return None;
            }
        }
    };
    let out = reader.join().ok()?.ok()?;
    let text = String::from_utf8_lossy(&out).trim().to_owned();
    (status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        (name == "KEY").then(|| "value".to_owned())
    }

    #[test]
    fn templates() {
        let values = Values::new(env);
        for (text, expected) in [
            ("KEY", Some("value")),
            ("OTHER", Some("OTHER")),
            ("sk-literal", Some("sk-literal")),
            ("$KEY", Some("value")),
            ("a${KEY}b", Some("avalueb")),
            ("$OTHER", None),
            ("${OTHER}", None),
            ("$$KEY", Some("$KEY")),
            ("$!x", Some("!x")),
            ("a$", Some("a$")),
            ("cost 5$ a", Some("cost 5$ a")),
            ("", Some("")),
        ] {
            assert_eq!(values.resolve(text).as_deref(), expected, "{text}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_run_once() {
        let dir = tempfile::tempdir().unwrap();
        let command = format!("!echo x >> {0} && wc -l < {0}", dir.path().join("runs").display());
        let values = Values::new(env);
        values.prepare([&*command, "KEY"].into_iter()).await;
        values.prepare([&*command].into_iter()).await;
        assert_eq!(values.resolve(&command).as_deref(), Some("1"));
    }

    #[cfg(unix)]
    #[test]
    fn commands() {
        let values = Values::new(env);
        assert_eq!(values.resolve("!echo ' a '").as_deref(), Some("a"));
        assert_eq!(values.resolve("!exit 3"), None);
        assert_eq!(values.resolve("!true"), None);
        assert!(values.is_set("!true"));
    }
}
