//! Whether and how the shell commands of the model are confined.

use std::{path::Path, sync::Arc};

use pi_host::{
    paths,
    sandbox::{self, Confinement, Ground, Places, Sandbox, SandboxMode, SandboxState, Support},
    settings::Values,
};
use pi_protocol::PermissionMode;

use crate::helper;

/// What is wanted and what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    /// Commands are not confined; with the reason, if they were to be.
    Off(Option<String>),
    /// They are.
    On(SandboxState),
    /// The settings ask for what the system cannot do: no command is run.
    Refuse(String),
}

/// What the settings say.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    /// `sandbox.mode`, if it is set.
    mode: Option<&'a str>,
    /// Unless `sandbox.network` is `deny`.
    network: bool,
}

/// The decision. A sandbox that nobody named is left out where there is none; one that the settings name is not.
fn decide(wanted: Wanted<'_>, permissions: PermissionMode, support: &Support) -> Decision {
    let Wanted { mode: named, network } = wanted;
    let mode = match named {
        Some("workspace-write") => SandboxMode::WorkspaceWrite,
        Some("read-only") => SandboxMode::ReadOnly,
        Some(_) => return Decision::Off(None),
        None => match permissions {
            PermissionMode::Ask | PermissionMode::Edit => SandboxMode::WorkspaceWrite,
            PermissionMode::Plan => SandboxMode::ReadOnly,
            PermissionMode::Full => return Decision::Off(None),
        },
    };
    match support {
        Support::Files { network: false } if !network => Decision::Refuse(
            "The command was not run: the setting sandbox.network is \"deny\", and denying TCP needs Landlock of \
             Linux 6.7 or newer. With \"allow\", commands are run."
                .into(),
        ),
        Support::Files { .. } => Decision::On(SandboxState { mode, network }),
        Support::None(why) if named.is_some() => Decision::Refuse(format!(
            "The command was not run: the setting sandbox.mode is \"{}\", and this system has no sandbox ({why}). \
             With \"off\", commands are run without one.",
            mode.as_str()
        )),
        Support::None(why) => Decision::Off(Some(why.clone())),
    }
}

fn decide_here(values: &Values, permissions: PermissionMode) -> Decision {
    let mode = values.text("sandbox.mode");
    let network = values.text("sandbox.network").as_deref() != Some("deny");
    decide(Wanted { mode: mode.as_deref(), network }, permissions, sandbox::support())
}

/// The sandbox in force, if there is one.
pub fn state(values: &Values, permissions: PermissionMode) -> Option<SandboxState> {
    match decide_here(values, permissions) {
        Decision::On(state) => Some(state),
        Decision::Off(_) | Decision::Refuse(_) => None,
    }
}

/// How commands in a workspace are confined.
pub fn confinement(values: &Values, permissions: PermissionMode, ground: &Ground) -> Confinement {
    let state = match decide_here(values, permissions) {
        Decision::Off(_) => return Confinement::Free,
        Decision::Refuse(why) => return Confinement::Impossible(why),
        Decision::On(state) => state,
    };
    let program = match helper::program() {
        Ok(program) => program,
        Err(error) => {
            let why = format!("The command was not run: the sandbox needs this program's own file: {error}");
            return Confinement::Impossible(why);
        }
    };
    let listed = values.texts("sandbox.writable").unwrap_or_default();
    let places = Places { ground: ground.clone(), home: paths::home_dir(), listed, copy_of: None };
    let mut sandbox = Sandbox::new(state, &places, program);
    // In the other modes nobody is asked.
    sandbox.exit = matches!(permissions, PermissionMode::Ask | PermissionMode::Edit);
    Confinement::In(Arc::new(sandbox))
}

/// How a command is confined that runs in `copy`, a private copy of `root`, so that it can change nothing else of the
/// user's.
pub fn confinement_of_plan(values: &Values, copy: &Path, root: &Path) -> Confinement {
    const NOT_RUN: &str = "The command was not run: the user has set review.mode to \"plan\", in which nothing is \
                           changed, and the system cannot keep commands from that. Commands that only read are run";
    if let Support::None(why) = sandbox::support() {
        return Confinement::Impossible(format!("{NOT_RUN} ({why})."));
    }
    let program = match helper::program() {
        Ok(program) => program,
        Err(error) => return Confinement::Impossible(format!("{NOT_RUN} ({error}).")),
    };
    let listed = values.texts("sandbox.writable").unwrap_or_default();
    let network = values.text("sandbox.network").as_deref() != Some("deny");
    let ground = Ground { root: copy.to_owned(), repository: Vec::new() };
    let places = Places { ground, home: paths::home_dir(), listed, copy_of: Some(root.to_owned()) };
    let state = SandboxState { mode: SandboxMode::WorkspaceWrite, network };
    Confinement::In(Arc::new(Sandbox::new(state, &places, program)))
}

/// What is in force in `root`, for people, and whether that is what was asked for.
pub fn report(values: &Values, permissions: PermissionMode, root: &Path) -> (bool, String) {
    let available = match sandbox::support() {
        Support::Files { network: true } => "available: Landlock, TCP can be denied".to_owned(),
        Support::Files { network: false } => "available: Landlock, TCP cannot be denied".to_owned(),
        Support::None(why) => format!("not available: {why}"),
    };
    match decide_here(values, permissions) {
        Decision::Off(Some(_)) => {
            (false, format!("off: commands of the model run with your rights ({available})"))
        }
        Decision::Off(None) => {
            (true, format!("off: commands of the model run with your rights ({available})"))
        }
        Decision::Refuse(why) => (false, why),
        Decision::On(_) => {
            let ground = Ground::of(root, paths::home_dir().as_deref());
            let sandbox = confinement(values, permissions, &ground);
            let described = sandbox.sandbox().map(|it| {
                let places: Vec<_> = it.writable().iter().map(|it| it.display().to_string()).collect();
                let places = if places.is_empty() { "nothing".into() } else { places.join(", ") };
                format!("{}; commands of the model may write: {places}", it.describe())
            });
            (described.is_some(), described.unwrap_or(available))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_and_the_permission_mode_decide() {
        use PermissionMode::{Ask, Edit, Full, Plan};
        let on = |mode, network| Decision::On(SandboxState { mode, network });
        let both = Support::Files { network: true };
        let files = Support::Files { network: false };
        let none = Support::None("old".into());
        let refused = |decision: &Decision| matches!(decision, Decision::Refuse(_));
        let wanted = |mode| Wanted { mode, network: true };
        for (mode, expected) in [
            (Ask, on(SandboxMode::WorkspaceWrite, true)),
            (Edit, on(SandboxMode::WorkspaceWrite, true)),
            (Plan, on(SandboxMode::ReadOnly, true)),
            (Full, Decision::Off(None)),
        ] {
            assert_eq!(decide(wanted(None), mode, &both), expected, "{mode:?}");
            assert_eq!(decide(wanted(None), mode, &files), expected, "{mode:?}");
            let unconfined = if mode == Full { None } else { Some("old".to_owned()) };
            assert_eq!(decide(wanted(None), mode, &none), Decision::Off(unconfined), "{mode:?}");
            assert_eq!(decide(wanted(Some("off")), mode, &both), Decision::Off(None));
            let named = wanted(Some("read-only"));
            assert_eq!(decide(named, mode, &both), on(SandboxMode::ReadOnly, true));
            assert!(refused(&decide(named, mode, &none)), "{mode:?}");
        }
        let deny = Wanted { mode: Some("workspace-write"), network: false };
        assert_eq!(decide(deny, Full, &both), on(SandboxMode::WorkspaceWrite, false));
        assert!(refused(&decide(deny, Full, &files)));
    }
}
