//! The demo in an editor: a session of its own with a scripted model, and a file beside the user's for it to edit.
//!
//! Everything else is as it will be later: the edit lands in the buffer, its two changes wait to be kept or rejected,
//! and a command is asked about. The folder ignores itself; nothing else of the user's is read or written.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pi_core::{SessionHandle, session::Command};
use pi_host::fs::blocking;
use pi_protocol::{CommandError, Model, PermissionMode, ThinkingLevel};
use pi_providers::faux;
use serde_json::json;

use super::{BADGE, ON_DISK, PROMPT};
use crate::{compose::Opening, hub::Hub};

/// What the model says; `FILE` and `TEST` stand for paths.
const SCRIPT: &str = include_str!("in_editor.json");
/// Below the folder the user works in.
const FOLDER: &str = "pi-demo";
const MODEL: &str = "demo";
/// What the command runs.
const TEST: &str = "test.sh";

/// A demo that can begin.
#[derive(Debug)]
pub struct Demo {
    /// Its session. Nothing was said in it yet.
    pub session: SessionHandle,
    /// The file that is edited; an editor should show it.
    pub file: PathBuf,
    /// What the user says.
    pub prompt: &'static str,
}

/// Makes the files and the session of a demo in `folder`.
///
/// # Errors
/// The files cannot be written, or the session cannot be built.
pub async fn prepare(hub: &Hub, folder: &Path) -> Result<Demo, CommandError> {
    let place = folder.join(FOLDER);
    let written = blocking(move || write(&place)).await;
    let (file, script) =
        written.map_err(|error| CommandError::failed(format!("the demo cannot be written: {error}")))?;
    let model = Model {
        id: MODEL.into(),
        name: BADGE.into(),
        extra: json!({"script": script}).as_object().cloned().unwrap_or_default(),
        ..(*faux::model()).clone()
    };
    let opening = Opening::New { parent: None, model: Some(Arc::new(model)), thinking: ThinkingLevel::Off };
    let session =
        hub.open(folder, opening).await.map_err(|error| CommandError::failed(format!("{error:#}")))?;
    session.ask(|reply| Command::SetPermissionMode(PermissionMode::Edit, reply)).await?;
    session.ask(|reply| Command::SetSessionName("Scripted demo".into(), reply)).await?;
    Ok(Demo { session, file, prompt: PROMPT })
}

/// The file to edit, under a name that no earlier demo has used, and the script.
fn write(place: &Path) -> io::Result<(PathBuf, PathBuf)> {
    fs::create_dir_all(place)?;
    fs::write(place.join(".gitignore"), "*\n")?;
    fs::write(place.join(TEST), "echo 'test fetch_gives_up ... ok (scripted demo)'\n")?;
    let names = (1..).map(|it| if it == 1 { "retry".to_owned() } else { format!("retry-{it}") });
    for name in names {
        let file = place.join(format!("{name}.rs"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&file) {
            Ok(mut it) => io::Write::write_all(&mut it, ON_DISK.as_bytes())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        let script = place.join(format!("{name}.json"));
        let said = SCRIPT.replace("FILE", &format!("{FOLDER}/{name}.rs"));
        fs::write(&script, said.replace("TEST", &format!("{FOLDER}/{TEST}")))?;
        return Ok((file, script));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
