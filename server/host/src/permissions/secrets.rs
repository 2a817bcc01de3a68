//! Files that hold keys or passwords by their name, wherever they are: `.env`, private keys, stores of credentials.
//!
//! For what is sent without anybody having asked for that file. The tools of the model go by places and rules.

use std::path::Path;

/// Names of files.
const NAMES: [&str; 16] = [
    ".env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "secrets.json",
    "secrets.toml",
    "service-account.json",
];
/// Beginnings of names.
const BEGINNINGS: [&str; 7] =
    [".env.", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "secrets.y", "secret.y"];
/// Endings of names.
const ENDINGS: [&str; 13] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdbx",
    ".asc",
    ".ppk",
    ".env",
    ".tfvars",
    ".tfstate",
    ".credentials",
];
/// Endings that say that there are no real values in it.
const EXAMPLES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".pub"];

/// Whether a file with this name may hold secrets.
pub fn is_named_like_one(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if EXAMPLES.iter().any(|it| name.ends_with(it)) {
        return false;
    }
    NAMES.contains(&&*name)
        || BEGINNINGS.iter().any(|it| name.starts_with(it))
        || ENDINGS.iter().any(|it| name.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_by_name() {
        for (path, secret) in [
            ("/w/.env", true),
            ("/w/.ENV.local", true),
            ("/w/.env.example", false),
            ("/w/prod.env", true),
            ("/w/environment.rs", false),
            ("/w/keys/server.key", true),
            ("/w/keyboard.rs", false),
            ("/w/id_ed25519", true),
            ("/w/id_ed25519.pub", false),
            ("/w/secrets.yaml", true),
            ("/w/secrets.rs", false),
            ("/w/terraform.tfvars", true),
            ("/w/src/credentials.rs", false),
        ] {
            assert_eq!(is_named_like_one(Path::new(path)), secret, "{path}");
        }
    }
}
