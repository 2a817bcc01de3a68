//! Where things may happen unasked: the workspace and the folder for temporary files, by real paths.

use std::{
    path::{Component, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    paths,
    repository::{self, Found, Repository},
};

/// Links that are followed in one path, as in Linux.
const MAX_LINKS: usize = 40;
/// Names below the workspace that decide what programs run later. They are never written unasked.
const PROTECTED: [&str; 7] = [".git", ".gitconfig", ".pi", ".vscode", ".idea", ".husky", ".envrc"];
/// Devices that take what is written and do nothing with it, or show it.
const HARMLESS_DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"];
/// Other names of what a program has open already.
const STREAMS: [&str; 3] = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
/// How names of disks begin.
const DISKS: [&str; 13] =
    ["sd", "hd", "vd", "xvd", "nvme", "mmcblk", "disk", "rdisk", "loop", "dm-", "md", "mapper", "mem"];
/// Files in the home directory that prove who the user is.
const SECRET_FILES: [&str; 13] = [
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".aws/credentials",
    ".kube/config",
    ".docker/config.json",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/gh/hosts.yml",
    ".config/gcloud/credentials.db",
    ".config/gcloud/application_default_credentials.json",
    ".azure/msal_token_cache.json",
    ".gnupg/secring.gpg",
];
/// Folders in the home directory that hold little else.
const SECRET_FOLDERS: [&str; 3] = [".ssh", ".gnupg/private-keys-v1.d", ".local/share/keyrings"];
/// What is no secret in `~/.ssh`.
const PUBLIC_IN_SSH: [&str; 4] = ["config", "known_hosts", "known_hosts.old", "authorized_keys"];

/// Where a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the workspace.
    Inside,
    /// In the workspace, but it decides what programs run.
    Protected,
    /// In the folder for temporary files.
    Temporary,
    /// A device that does nothing.
    Harmless,
    /// Elsewhere.
    Outside,
}

/// The places of one session.
#[derive(Debug, Clone)]
pub struct Boundary {
    root: PathBuf,
    temporary: Vec<PathBuf>,
    readable: Vec<PathBuf>,
    /// The other folders that the editor has open.
    beside: Arc<RwLock<Vec<PathBuf>>>,
    home: Option<PathBuf>,
    agent_dir: PathBuf,
    /// The repository the workspace was part of at first. What a command makes of it later is not the user's.
    repository: Option<Repository>,
}

impl Boundary {
    /// Around the workspace `root`. `readable` are further folders that may be read.
    pub fn new(root: &Path, agent_dir: &Path, readable: &[PathBuf]) -> Self {
        let mut temporary = vec![real(&std::env::temp_dir())];
        if cfg!(unix) {
            temporary.push(real(Path::new("/tmp")));
        }
        let root = real(root);
        let repository = match repository::find(&root) {
            Found::Repository(it) => Some(it),
            Found::Nothing | Found::Other => None,
        };
        Self {
            root,
            repository,
            temporary,
            readable: readable.iter().map(|it| real(it)).collect(),
            beside: Arc::default(),
            home: paths::home_dir().map(|it| real(&it)),
            agent_dir: real(agent_dir),
        }
    }

    /// From now on these folders, which the editor has open beside the workspace, may be read as well.
    pub fn set_beside(&self, folders: &[PathBuf]) {
        *self.beside.write().unwrap_or_else(PoisonError::into_inner) =
            folders.iter().map(|it| real(it)).collect();
    }

    /// The workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The home directory.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Where a real path is.
    pub fn place(&self, path: &Path) -> Place {
        if let Ok(rest) = path.strip_prefix(&self.root) {
            let protected = |it: Component| {
                let name = it.as_os_str().to_str().unwrap_or_default();
                PROTECTED.iter().any(|it| it.eq_ignore_ascii_case(name))
            };
            return if rest.components().any(protected) { Place::Protected } else { Place::Inside };
        }
        // The agent directory of a test or a container may be below the temporary one.
        if self.temporary.iter().any(|it| path.starts_with(it)) && !path.starts_with(&self.agent_dir) {
            return Place::Temporary;
        }
        let text = path.to_string_lossy();
        if HARMLESS_DEVICES.contains(&&*text) {
            return Place::Harmless;
        }
        Place::Outside
    }

    /// Whether a real path may be read unasked.
    pub fn may_read(&self, path: &Path) -> bool {
        let beside = || {
            let beside = self.beside.read().unwrap_or_else(PoisonError::into_inner);
            beside.iter().any(|it| path.starts_with(it))
        };
        self.place(path) != Place::Outside || self.readable.iter().any(|it| path.starts_with(it)) || beside()
    }

    /// Whether git, run in `folder`, only reads what is the workspace's, and runs nothing that a repository names.
    pub fn git_only_reads(&self, folder: &Path) -> bool {
        match repository::find(folder) {
            Found::Nothing => true,
            Found::Other => false,
            Found::Repository(it) => {
                let inside = |it: &Path| it.starts_with(&self.root);
                let own = self.repository.as_ref() == Some(&it) || (inside(&it.git) && inside(&it.common));
                own && it.runs_nothing()
            }
        }
    }

    /// Whether a path, as it is written, is another name of what a program has open already: where it leads depends on
    /// who asks.
    pub fn is_stream(path: &str) -> bool {
        let number = path.strip_prefix("/dev/fd/");
        STREAMS.contains(&path)
            || number.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
    }

    /// Whether a real path is a disk or memory.
    pub fn is_raw_device(path: &Path) -> bool {
        let name = path.strip_prefix("/dev").ok().and_then(|it| it.to_str());
        name.is_some_and(|name| DISKS.iter().any(|it| name.starts_with(it)))
    }

    /// Whether a real path holds keys or passwords.
    pub fn is_secret(&self, path: &Path) -> bool {
        if path == self.agent_dir.join("auth.json")
            || matches!(path.to_str(), Some("/etc/shadow" | "/etc/gshadow"))
        {
            return true;
        }
        let Some(rest) = self.home.as_ref().and_then(|it| path.strip_prefix(it).ok()) else { return false };
        if SECRET_FILES.iter().any(|it| rest == Path::new(it)) {
            return true;
        }
        let Some(folder) = SECRET_FOLDERS.iter().find(|it| rest.starts_with(it)) else { return false };
        let name = rest.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let public = *folder == ".ssh" && (PUBLIC_IN_SSH.contains(&name) || name.ends_with(".pub"));
        rest != Path::new(folder) && !public
    }

    /// Whether a real path is a folder that holds little but secrets.
    pub fn is_secret_folder(&self, path: &Path) -> bool {
        let rest = self.home.as_ref().and_then(|it| path.strip_prefix(it).ok());
        rest.is_some_and(|rest| {
            rest == Path::new(".gnupg") || SECRET_FOLDERS.iter().any(|it| rest == Path::new(it))
        })
    }

    /// Whether the chat documents are there, in which the user answers questions.
    pub fn is_chat(&self, path: &Path) -> bool {
        let rest = path.strip_prefix(&self.root).unwrap_or(path);
        let names: Vec<_> =
            rest.components().map(|it| it.as_os_str().to_string_lossy().to_lowercase()).collect();
        names.windows(2).any(|it| it[0] == ".pi" && it[1] == "chat")
    }

    /// Whether losing this folder with all below it is what nobody wants: the root, the home directory, a folder
    /// above it, or one of the system.
    pub fn is_vital(&self, path: &Path) -> bool {
        const SYSTEM: [&str; 24] = [
            "/bin",
            "/boot",
            "/dev",
            "/etc",
            "/home",
            "/lib",
            "/lib32",
            "/lib64",
            "/opt",
            "/proc",
            "/root",
            "/sbin",
            "/srv",
            "/sys",
            "/usr",
            "/usr/bin",
            "/usr/lib",
            "/usr/lib64",
            "/usr/sbin",
            "/var",
            "/Applications",
            "/Library",
            "/System",
            "/Users",
        ];
        let above_home = self.home.as_ref().is_some_and(|it| it.starts_with(path));
        above_home || path.parent().is_none() || SYSTEM.iter().any(|it| path == Path::new(it))
    }

    /// A path as rules and questions name it: relative to the workspace where it is inside.
    pub fn name(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
            Ok(rest) => rest.to_string_lossy().into_owned(),
            Err(_) => path.to_string_lossy().into_owned(),
        }
    }
}

/// The real path of `path`, as the kernel would find it: links resolved one after another, `..` behind a link means
/// the folder above its target, what does not exist yet is added as it is. Also the target of a link that leads
/// nowhere: writing to it would create that.
pub fn real(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    let mut links = 0;
    let mut rest: Vec<PathBuf> = pieces(path);
    while let Some(piece) = rest.pop() {
        match piece.components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::ParentDir) => {
                out.pop();
            }
            Some(Component::RootDir | Component::Prefix(_)) => out.push(&piece),
            Some(Component::Normal(_)) => {
                out.push(&piece);
                let target = if links < MAX_LINKS { out.read_link().ok() } else { None };
                if let Some(target) = target {
                    links += 1;
                    out.pop();
                    rest.extend(pieces(&target));
                }
            }
        }
    }
    out
}

/// The components, last first.
fn pieces(path: &Path) -> Vec<PathBuf> {
    path.components().rev().map(|it| PathBuf::from(it.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn real_paths_follow_links_as_the_kernel_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("work/sub")).unwrap();
        std::fs::create_dir_all(root.join("other/deep")).unwrap();
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        link("../other/deep", "work/away");
        link("/nowhere/file", "work/dangling");
        link("loop", "work/loop");
        for (path, expected) in [
            ("work/a/../b", "work/b"),
            ("work/sub/new/file", "work/sub/new/file"),
            ("work/away/file", "other/deep/file"),
            ("work/away/../file", "other/file"),
            ("work/./sub/../../other", "other"),
        ] {
            assert_eq!(real(&root.join(path)), root.join(expected), "{path}");
        }
        assert_eq!(real(&root.join("work/dangling")), Path::new("/nowhere/file"));
        real(&root.join("work/loop/x"));

        let boundary = Boundary::new(&root.join("work"), &root.join("agent"), &[root.join("other")]);
        for (path, place) in [
            ("work/a.rs", Place::Inside),
            ("work/.git/config", Place::Protected),
            ("work/sub/.GIT/hooks/x", Place::Protected),
            ("work/away/x", Place::Temporary),
            ("work/dangling", Place::Outside),
            ("agent/settings.json", Place::Outside),
        ] {
            assert_eq!(boundary.place(&real(&root.join(path))), place, "{path}");
        }
        assert!(boundary.is_chat(&root.join("work/.pi/Chat/a.md")));
        assert!(!boundary.is_chat(&root.join("work/.pi/settings.json")));
        assert!(boundary.is_secret(&root.join("agent/auth.json")));
    }

    #[test]
    fn folders_beside_the_workspace_are_read_and_not_written() {
        let boundary = Boundary::new(Path::new("/code/work"), Path::new("/a"), &[]);
        let lib = Path::new("/code/lib/x.rs");
        assert!(!boundary.may_read(lib));
        boundary.set_beside(&["/code/work".into(), "/code/lib".into()]);
        assert!(boundary.may_read(lib) && !boundary.may_read(Path::new("/code/library/x.rs")));
        assert_eq!(boundary.place(lib), Place::Outside);
        boundary.set_beside(&[]);
        assert!(!boundary.may_read(lib));
    }

    #[test]
    fn keys_are_secret_and_what_is_public_is_not() {
        let Some(home) = paths::home_dir().map(|it| real(&it)) else { return };
        let boundary = Boundary::new(Path::new("/w"), Path::new("/a"), &[]);
        for (path, secret) in [
            (".ssh/id_ed25519", true),
            (".ssh/id_ed25519.pub", false),
            (".ssh/config", false),
            (".ssh", false),
            (".aws/credentials", true),
            (".aws/config", false),
            (".gnupg/private-keys-v1.d/x.key", true),
            ("code/.netrc", false),
        ] {
            assert_eq!(boundary.is_secret(&home.join(path)), secret, "{path}");
        }
        assert!(boundary.is_secret_folder(&home.join(".ssh")));
        for (path, vital) in
            [(Path::new("/"), true), (&home, true), (Path::new("/etc"), true), (&home.join("x"), false)]
        {
            assert_eq!(boundary.is_vital(path), vital, "{}", path.display());
        }
    }
}
