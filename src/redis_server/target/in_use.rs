use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A server that works in the folder, in words: Redis makes `dir` its working folder. A process of another
/// container has another path for it, but the same inode.
pub fn user(dir: &Path, pidfile: Option<&Path>) -> Option<String> {
    let folder = identity(dir)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let working_folder = |process: u32| identity(format!("/proc/{process}/cwd").as_ref());
    let mut servers = numbers.filter_map(|process| Some((process, server(process)?)));
    let found = servers.find(|(process, _)| working_folder(*process) == Some(folder));
    // The working folder of another user's process is not to be seen: then the file is believed.
    let (process, name) = found.or_else(|| {
        let process = fs::read_to_string(pidfile?).ok()?.trim().parse().ok()?;
        let name = server(process)?;
        working_folder(process).is_none().then_some((process, name))
    })?;
    Some(format!("{name} (process {process})"))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The name of a process that is a server. An administrator's shell in the folder is none.
fn server(process: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    let name = name.trim();
    let like = ["redis", "valkey", "keydb"].iter().any(|product| name.contains(product));
    (like && !name.ends_with("-cli")).then(|| name.to_owned())
}
