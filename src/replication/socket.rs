use std::fs;
use std::path::Path;

/// Where servers put their sockets: what Debian, Fedora and their kin build in, then PostgreSQL's own default,
/// which is all that our libpq knows (`DEFAULT_PGSOCKET_DIR`).
const FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// Variables that say where the server is, or may.
const VARIABLES: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGSERVICE"];

/// The host to connect to where nobody names one: the first of these folders with a socket in it.
pub fn default_host(conninfo: &str) -> Option<&'static str> {
    if variables_name_a_place() || names_a_host(conninfo) {
        return None;
    }
    FOLDERS.into_iter().find(|folder| holds_a_socket(Path::new(folder)))
}

/// Whether the environment says where the server is.
pub fn variables_name_a_place() -> bool {
    let said = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    VARIABLES.iter().any(said)
}

/// A `host` of ours would stand beside a `hostaddr`, and before what a service says.
fn names_a_host(conninfo: &str) -> bool {
    ["host", "service"].iter().any(|word| conninfo.contains(word))
}

fn holds_a_socket(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let port = name.to_str().and_then(|name| name.strip_prefix(".s.PGSQL."));
        port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_with_a_socket_in_it() {
        let place = tempfile::tempdir().unwrap();
        assert!(!holds_a_socket(&place.path().join("absent")));
        fs::write(place.path().join(".s.PGSQL.5432.lock"), "").unwrap();
        assert!(!holds_a_socket(place.path()));
        fs::write(place.path().join(".s.PGSQL.5432"), "").unwrap();
        assert!(holds_a_socket(place.path()));
    }

    #[test]
    fn what_is_named_is_taken() {
        for conninfo in ["host=db", "hostaddr=10.0.0.1", "service=shop", "user=a host=b"] {
            assert_eq!(default_host(conninfo), None, "{conninfo}");
        }
        assert!(!names_a_host("user=backup port=5433") && !names_a_host(""));
    }
}
