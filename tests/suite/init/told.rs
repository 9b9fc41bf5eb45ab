use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::Duration;

use super::init;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};
use crate::support::run::Run;

/// What the page of an installation says, done: settings from its output, a push, a base backup, and its
/// objects opened with the private key alone.
#[test]
fn what_it_writes_archives_and_backs_up_and_the_key_opens_it() {
    let place = Place::new();
    place.folder("etc");
    let repository = place.folder("disk").join("repository");
    let mut server = Server::builder(&place).init();
    server.start();
    let run =
        init(&place).envs(server.connection()).args(["--cluster", "shop", "--encrypt", "new"]);
    let outcome = run.arg("--repository").arg(&repository).arg("--rpo=40s").run();
    outcome.expect(0);
    let (config, key) = (place.join("etc/seawall.toml"), place.join("etc/seawall.key"));
    let mode = |path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&config), mode(&key)), (0o640, 0o600));
    // The doctor ran, and found what is not yet set.
    assert!(
        outcome
            .stdout
            .contains("\nWhat `seawall doctor` finds now, before the steps below it are done:\n\n"),
        "{outcome}"
    );
    assert!(
        outcome.stdout.contains("\n  PROBLEM  archive_mode: off: nothing is archived\n"),
        "{outcome}"
    );
    for line in [
        format!("wrote {} (mode 0640)\n", config.display()),
        format!("\n    sudo shred -u {}\n", key.display()),
        "\n    ALTER SYSTEM SET archive_timeout = '20s';\n".to_owned(),
        "\n    sudo systemctl enable --now seawall-basebackup.timer\n".to_owned(),
    ] {
        assert!(outcome.stdout.contains(&line), "no {line:?}: {outcome}");
    }
    let seawall = |program, words: &[&str]| {
        let run = Run::new(&place, program).server_user().envs(server.connection());
        run.args(words).arg("--config").arg(&config).run()
    };
    let shown = seawall(env!("CARGO_BIN_EXE_seawall"), &["config", "show"]);
    shown.expect(0);
    assert!(shown.stdout.contains("\"shop\""), "{shown}");

    let lines = outcome.stdout.lines().map(str::trim);
    let settings: Vec<&str> = lines
        .skip_while(|line| !line.contains("Tell PostgreSQL"))
        .filter(|line| line.starts_with("ALTER SYSTEM"))
        .collect();
    assert_eq!(settings.len(), 4, "{outcome}");
    settings.iter().for_each(|line| {
        server.sql(line);
    });
    server.stop(Stop::Fast);
    server.start();
    let segment = server.switch_wal();
    server.wait_archived(&segment, Duration::from_secs(60));
    let seawall = |program, words: &[&str]| {
        let run = Run::new(&place, program).server_user().envs(server.connection());
        run.args(words).arg("--config").arg(&config).run()
    };
    seawall(env!("CARGO_BIN_EXE_basebackup"), &["create"]).expect(0);
    let find = format!("find {} -name '{segment}.zst.age'", repository.display());
    let found = Run::new(&place, "/bin/sh").args(["-c", &find]).run();
    let open = format!("age -d -i {} {} | zstd -dc | wc -c", key.display(), found.stdout.trim());
    let opened = Run::new(&place, "/bin/sh").args(["-c", &open]).run();
    assert_eq!(opened.expect(0).stdout.trim(), "16777216", "{opened}");
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    let folder = place.folder("etc");
    let run = |encrypt: &str| init(&place).args(["--repository=/b", "--no-doctor", encrypt]).run();
    let (config, key) = (folder.join("seawall.toml"), folder.join("seawall.key"));
    fs::write(&config, "mine").unwrap();
    let outcome = run("--encrypt=new");
    outcome.expect(2);
    assert_eq!(
        error(&outcome),
        format!(
            "{config:?} already exists; it stays as it is. \
             HINT: Say --output for another one, or move it aside."
        )
    );
    assert!(fs::read(&config).unwrap() == b"mine" && !key.exists());

    fs::remove_file(&config).unwrap();
    fs::write(&key, "mine").unwrap();
    let outcome = run("--encrypt=new");
    outcome.expect(2).says("it may be the key to older backups");
    assert!(fs::read(&key).unwrap() == b"mine" && !config.exists());
    run("--encrypt=none").expect(0);
    assert!(fs::read_to_string(&config).unwrap().contains("nothing is encrypted"));
}

#[test]
fn without_a_terminal_what_is_missing_is_named() {
    let place = Place::new();
    place.folder("etc");
    let hint = "HINT: Run it on a terminal, or see --help for what to give.";
    for (words, flag) in [(&["--encrypt=new"], "--repository"), (&["--repository=/b"], "--encrypt")]
    {
        let outcome = init(&place).args(words).run();
        outcome.expect(2);
        let expected = format!("{flag} is missing, and there is no terminal to ask on. {hint}");
        assert_eq!(error(&outcome), expected);
    }
    assert_eq!(fs::read_dir(place.join("etc")).unwrap().count(), 0);
}

#[test]
fn answers_that_make_no_configuration_write_nothing() {
    let place = Place::new();
    place.folder("etc");
    for (words, says) in [
        (
            ["--repository=relative", "--encrypt=new"],
            "expected an absolute path or s3://BUCKET/PREFIX",
        ),
        (["--repository=/b", "--encrypt=age1nonsense"], "expected an age recipient like age1…"),
        (["--repository=/b", "--encrypt=AGE-SECRET-KEY-1"], "found a private key"),
    ] {
        let outcome = init(&place).args(words).arg("--no-doctor").run();
        outcome.says("the answers make no configuration: ").says(says);
        assert_ne!(outcome.status, Some(0));
    }
    let outcome = init(&place).args(["--repository=/b", "--encrypt=new", "--rpo=soon"]).run();
    outcome.expect(3).says("expected a time like 12h or 90d");
    assert_eq!(fs::read_dir(place.join("etc")).unwrap().count(), 0);
}

#[test]
fn who_may_not_write_there_hears_it_before_the_questions() {
    let place = Place::new();
    let folder = place.folder("etc");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = init(&place).args(["--repository=/b", "--encrypt=new", "--no-doctor"]).run();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    outcome.expect(10);
    assert_eq!(
        error(&outcome),
        format!(
            "could not create a file in {folder:?}: Permission denied (os error 13). \
             HINT: Run it as root (sudo seawall init), or say --output for a file of your own."
        )
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// As a package leaves it where PostgreSQL comes later.
#[test]
fn root_lets_the_servers_user_into_a_folder_that_was_roots_alone() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let server = Server::builder(&place).init();
    let group = fs::metadata(server.data()).unwrap().gid();
    for (name, mode, given, expected) in [
        ("closed", 0o750, 0, group),
        ("open", 0o755, 0, 0),
        ("private", 0o700, 0, 0),
        ("chosen", 0o750, 4321, 4321),
    ] {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        chown(&folder, Some(0), Some(given)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("init").arg("--no-doctor");
        let run = run.arg("--data-directory").arg(server.data());
        let run = run.arg("--output").arg(folder.join("seawall.toml"));
        let outcome = run.args(["--repository=/b", "--encrypt=none"]).run();
        outcome.expect(0);
        assert_eq!(fs::metadata(&folder).unwrap().gid(), expected, "{name}: {outcome}");
        let said = format!("gave {} to the group ", folder.display());
        assert_eq!(outcome.stdout.contains(&said), name == "closed", "{outcome}");
    }
}

#[test]
fn root_gives_the_configuration_to_the_servers_group() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let server = Server::builder(&place).init();
    let group = fs::metadata(server.data()).unwrap().gid();
    let config = place.join("new/seawall.toml");
    let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("init");
    let run = run.arg("--data-directory").arg(server.data()).arg("--output").arg(&config);
    let outcome =
        run.args(["--repository=/b", "--encrypt=new", "--redis-url=redis://db", "--media=up=/srv"]);
    let outcome = outcome.run();
    outcome.expect(0);
    let found = fs::metadata(&config).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (0, group, 0o640));
    let key = fs::metadata(place.join("new/seawall.key")).unwrap();
    assert_eq!((key.uid(), key.gid(), key.mode() & 0o777), (0, 0, 0o600));
    assert_eq!(fs::metadata(place.join("new")).unwrap().mode() & 0o777, 0o755);
    // Where jobs of the server's user remember which repositories they knew.
    for kind in ["basebackup-known", "redis-known"] {
        let room = fs::metadata(place.join("state of the host").join(kind)).unwrap();
        assert_eq!((room.gid(), room.mode() & 0o777), (group, 0o700), "{kind}");
        assert_ne!(room.uid(), 0, "{kind}");
    }
    for timer in ["seawall-redis.timer", "seawall-media@up.timer", "seawall-media-verify@up.timer"]
    {
        assert!(
            outcome.stdout.contains(&format!("    sudo systemctl enable --now {timer}\n")),
            "{outcome}"
        );
    }
    assert!(outcome.stdout.contains("\n    sudo install -d -m 0700 -o "), "{outcome}");
}

#[test]
fn how_many_are_needed_can_be_said_by_a_flag() {
    let place = Place::new();
    place.folder("etc");
    let repositories =
        ["--encrypt=none", "--no-doctor", "--repository=/a", "--repository=s3://b/c"];
    let run = |needed: &str| init(&place).args(repositories).args(["--needed", needed]).run();
    for needed in ["3", "0", "some"] {
        let outcome = run(needed);
        outcome.expect(2);
        let said =
            format!("expected all or a number of repositories for --needed, found {needed:?}");
        assert!(error(&outcome).contains(&said), "{outcome}");
    }
    run("1").expect(0);
    let text = fs::read_to_string(place.join("etc/seawall.toml")).unwrap();
    assert!(text.contains("\nneeded = 1\n"), "{text}");
}
