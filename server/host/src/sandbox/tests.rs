//! Orders and notes; what the kernel does with them is told by the stories over the real program.

use super::*;

fn sandbox(mode: SandboxMode, network: bool, root: &Path) -> Sandbox {
    let places = Places { ground: Ground::of(root, None), ..Places::default() };
    Sandbox::new(SandboxState { mode, network }, &places, "/usr/bin/pi".into())
}

fn order(arguments: &[&str]) -> Result<Order, String> {
    Order::parse(arguments.iter().map(OsString::from))
}

#[test]
fn an_order_arrives_as_it_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for (mode, network) in [(SandboxMode::WorkspaceWrite, true), (SandboxMode::ReadOnly, false)] {
        let sandbox = sandbox(mode, network, &root);
        let (program, arguments) = sandbox.wrap(Path::new("/bin/bash"));
        assert_eq!(program, Path::new("/usr/bin/pi"));
        assert_eq!(arguments[0], ARGUMENT);
        let mut sent = arguments[1..].to_vec();
        sent.extend(["-c".into(), "--write".into()]);
        let writable = if mode == SandboxMode::ReadOnly { Vec::new() } else { vec![root.clone()] };
        let command = ["/bin/bash", "-c", "--write"].map(OsString::from).into();
        assert_eq!(Order::parse(sent), Ok(Order { free: false, writable, no_network: !network, command }));
    }
}

#[test]
fn an_order_that_is_not_understood_is_not_carried_out() {
    for arguments in [&["--writ", "/x", "--", "sh"][..], &["--write", "/x"], &["--"], &["sh"], &[]] {
        assert!(order(arguments).is_err(), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_note_names_what_only_the_sandbox_denied() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let root = top.join("project");
    std::fs::create_dir(&root).unwrap();
    let note = |mode, network, output: &str, failed| {
        sandbox(mode, network, &root).note(&output.replace("TOP", &top.display().to_string()), failed, &root)
    };
    use SandboxMode::{ReadOnly, WorkspaceWrite};

    let outside = note(WorkspaceWrite, true, "sh: TOP/x: Permission denied", false).unwrap();
    assert!(outside.contains(&format!("kept this command from writing {}/x.", top.display())), "{outside}");
    assert!(outside.contains("(workspace-write)") && outside.contains("sandbox.writable"), "{outside}");
    let up = note(WorkspaceWrite, true, "sh: ../x: Permission denied", true).unwrap();
    assert!(up.contains(&format!("{}/x.", top.display())), "{up}");

    // Inside the workspace, or where nobody could write, it was not the sandbox.
    for output in ["sh: TOP/project/x: Permission denied", "sh: ./run.sh: Permission denied", "fine"] {
        assert_eq!(note(WorkspaceWrite, true, output, true), None, "{output}");
    }
    for (mode, network) in [(WorkspaceWrite, false), (ReadOnly, true)] {
        let text = note(mode, network, "connect: Permission denied", true).unwrap();
        assert!(text.contains("may be what denied this"), "{text}");
        assert_eq!(note(mode, network, "connect: Permission denied", false), None);
    }
    let text = note(ReadOnly, true, "touch: cannot touch 'x': Permission denied", true).unwrap();
    assert!(text.contains(&format!("writing {}/x.", root.display())), "{text}");
}
