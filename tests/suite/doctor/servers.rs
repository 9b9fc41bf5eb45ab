use std::path::PathBuf;
use std::time::Duration;

use super::{about, apply_fixes, complaints, doctor, findings};
use crate::scene::side_by_side;
use crate::support::place::Place;
use crate::support::postgres::{Builder, Server, Stop, VERSIONS};
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::poll;

/// A folder and a bucket that honours conditions: nothing to complain about.
fn configuration(place: &Place, bucket: &S3Server) -> PathBuf {
    let folder = place.folder("disk").join("repository");
    let text = format!(
        "[[repository]]\nurl = {folder:?}\n[[repository]]\nurl = \"s3://{}\"\nendpoint = {:?}\n",
        bucket.bucket(),
        bucket.endpoint()
    );
    place.file("seawall.toml", text)
}

fn with_checksums(builder: Builder) -> Server {
    let server = builder.init();
    if server.version() < 18 {
        let data = server.data().to_owned();
        server.tool("pg_checksums").args(["--enable", "--no-sync", "-D"]).arg(data).run().expect(0);
    }
    server
}

/// The worst that starts.
fn badly_set(place: &Place) -> Builder {
    Server::builder(place)
        .setting("wal_level", "minimal")
        .setting("max_wal_senders", "0")
        .setting("full_page_writes", "off")
}

#[test]
fn wrong_settings_are_found_and_the_statements_mend_them() {
    side_by_side(&VERSIONS, |version| {
        let place = Place::new();
        let bucket = S3Server::start(Kind::Moto, &place);
        let config = configuration(&place, &bucket);
        let mut server = with_checksums(badly_set(&place).version(*version).envs(keys()));
        server.start();
        let run = |server: &Server| doctor(&place, &config).envs(server.connection()).arg("--json");

        let outcome = run(&server).run();
        outcome.expect(2);
        let found = findings(&outcome);
        let expected = [
            "wal_level",
            "archive_timeout",
            "max_wal_senders",
            "full_page_writes",
            "fsync",
            "archive_mode",
            "archive_command",
            "replication connection",
        ]
        .map(|what| format!("problem {what}"));
        assert_eq!(complaints(&found), expected, "{outcome}");
        assert_eq!(about(&found, "wal_level").mend, "ALTER SYSTEM SET wal_level = 'replica';");

        let fixes = apply_fixes(&place, &config, &server);
        let program = place.program(env!("CARGO_BIN_EXE_wal-push"));
        let (comment, statements) = fixes.split_once('\n').unwrap();
        assert!(comment.starts_with("-- replication connection: could not connect: "), "{fixes}");
        assert_eq!(
            statements,
            format!(
                "ALTER SYSTEM SET wal_level = 'replica';  -- restart needed\n\
                 ALTER SYSTEM SET archive_timeout = '60s';\n\
                 ALTER SYSTEM SET max_wal_senders = '10';  -- restart needed\n\
                 ALTER SYSTEM SET full_page_writes = 'on';\n\
                 ALTER SYSTEM SET fsync = 'on';\n\
                 ALTER SYSTEM SET archive_mode = 'on';  -- restart needed\n\
                 ALTER SYSTEM SET archive_command = '{} --config {} \"%p\" %f';\n\
                 SELECT pg_reload_conf();\n",
                program.display(),
                config.display()
            )
        );

        // Before the restart only what takes one is left, and it is not to be set twice.
        let waiting = findings(&run(&server).run());
        assert_eq!(
            about(&waiting, "wal_level").mend,
            "Another value of wal_level is set: restart the server."
        );
        assert_eq!(about(&waiting, "fsync").verdict, "ok");

        server.stop(Stop::Fast);
        server.start();
        let segment = server.switch_wal();
        server.wait_archived(&segment, Duration::from_secs(60));
        let outcome = run(&server).run();
        assert_eq!(complaints(&findings(&outcome)), [""; 0], "{outcome}");
        outcome.expect(0);
        let text = doctor(&place, &config).envs(server.connection()).run();
        text.expect(0);
        assert!(text.stdout.ends_with("\nall is well\n"), "{text}");
        let fixes = doctor(&place, &config).envs(server.connection()).arg("--fix-preview").run();
        assert_eq!((fixes.expect(0).stdout.as_str(), fixes.stderr.as_str()), ("", ""));
    });
}

fn keys() -> Vec<(String, String)> {
    let keys = [
        ("AWS_ACCESS_KEY_ID", crate::support::s3::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", crate::support::s3::SECRET_KEY),
        ("AWS_REGION", crate::support::s3::REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    keys.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A local repository is enough to look at commands.
fn local(place: &Place) -> PathBuf {
    let folder = place.folder("disk").join("repository");
    place.file("seawall.toml", format!("[[repository]]\nurl = {folder:?}\n"))
}

#[test]
fn an_archive_command_that_does_not_archive_is_named() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place)
        .archive_command("/bin/true")
        .setting("archive_timeout", "5min")
        .init();
    server.start();
    let wal_push = place.program(env!("CARGO_BIN_EXE_wal-push"));
    let secret = place.file("secret.toml", "[[repository]]\nurl = \"/b\"\n");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let wal_push = wal_push.display();
    let (right, secret) = (config.display(), secret.display());
    let (program, setting) = ("archive_command: program", "archive_command: configuration");
    for (command, what, found) in [
        (
            "/bin/true".to_owned(),
            "archive_command",
            "\"/bin/true\" does not run wal-push: nothing reaches the repositories".to_owned(),
        ),
        (String::new(), "archive_command", "empty: WAL piles up in pg_wal".to_owned()),
        (
            format!("{wal_push} --config {right} %f"),
            "archive_command",
            format!("\"{wal_push} --config {right} %f\" does not pass on both %p and %f"),
        ),
        (
            "/nowhere/wal-push %p %f".to_owned(),
            program,
            "the server does not find \"/nowhere/wal-push\"".to_owned(),
        ),
        (
            format!("{wal_push} %p %f"),
            setting,
            "none is named, and there is no /etc/seawall/seawall.toml".to_owned(),
        ),
        (
            format!("{wal_push} --config {secret} %p %f"),
            setting,
            format!("the user {} may not read {:?}", user(&place), secret.to_string()),
        ),
    ] {
        set(&server, "archive_command", &command);
        let outcome = doctor(&place, &config).envs(server.connection()).arg("--json").run();
        outcome.expect(2);
        let all = findings(&outcome);
        assert_eq!((&all, about(&all, what).verdict.as_str()).1, "problem", "{outcome}");
        assert_eq!(about(&all, what).found, found);
        assert_eq!(about(&all, "archive_timeout").verdict, "problem");
    }
    let hides = format!("{wal_push} --config {right} %p %f || true");
    set(&server, "archive_command", &hides);
    let all = findings(&doctor(&place, &config).envs(server.connection()).arg("--json").run());
    let found = about(&all, "archive_command");
    let text = format!("{hides:?}: what follows wal-push may hide its failure");
    assert_eq!((found.verdict.as_str(), found.found.as_str()), ("warning", text.as_str()));
    assert!(found.mend.ends_with("\"%p\" %f';"), "{}", found.mend);
    set(&server, "archive_command", &format!("{wal_push} --config {right} \"%p\" %f"));
    let all = findings(&doctor(&place, &config).envs(server.connection()).arg("--json").run());
    assert_eq!(about(&all, program).verdict, "ok");
    assert_eq!(about(&all, setting).verdict, "ok");
    if rustix::process::geteuid().is_root() {
        // Root tries the program as the server's user.
        let seawall = place.program(env!("CARGO_BIN_EXE_seawall"));
        let root = Run::new(&place, seawall.to_str().unwrap()).envs(server.connection());
        let all = findings(&root.args(["doctor", "--json", "--config"]).arg(&config).run());
        let expected = format!("{:?} runs as {}", wal_push.to_string(), user(&place));
        assert_eq!(about(&all, program).found, expected);
    }
}

/// The name of the user that the tests' servers run as.
fn user(place: &Place) -> String {
    let outcome = Run::new(place, "id").server_user().arg("-un").run();
    outcome.expect(0).stdout.trim().to_owned()
}

/// Sets it, and waits until a new session sees it.
fn set(server: &Server, name: &str, value: &str) {
    let value = value.replace('\'', "''");
    server.sql(&format!("alter system set {name} = '{value}'"));
    server.sql("select pg_reload_conf()");
    let seen = || (server.sql(&format!("show {name}")) == value).then_some(());
    poll(Duration::from_secs(20), seen).expect("the server reads its files");
}

/// The server takes a relative path from its data directory.
#[test]
fn a_configuration_that_is_given_relative_is_named_in_full() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place).setting("archive_mode", "on").init();
    server.start();
    let run = doctor(&place, std::path::Path::new("seawall.toml"));
    let run = run.cwd(config.parent().unwrap()).envs(server.connection()).arg("--json").run();
    let all = findings(&run);
    let mend = &about(&all, "archive_command").mend;
    let expected = format!(" --config {} \"%p\" %f';", config.display());
    assert!(mend.ends_with(&expected), "{mend}");
}

#[test]
fn what_an_earlier_recovery_has_left_is_named() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place)
        .setting("recovery_target_lsn", "0/3000000")
        .setting("recovery_target_timeline", "1")
        .init();
    server.start();
    let all = findings(&doctor(&place, &config).envs(server.connection()).arg("--json").run());
    let lsn = about(&all, "recovery_target_lsn");
    assert_eq!(
        lsn.found,
        "\"0/3000000\", of an earlier recovery: a standby that is made of this server stops there"
    );
    assert_eq!(lsn.mend, format!("Remove recovery_target_lsn from {}, then reload.", lsn.set_in));
    assert!(lsn.set_in.contains("/postgresql.conf, line "), "{lsn:?}");
    assert_eq!(about(&all, "recovery_target_timeline").verdict, "warning");
    assert!(all.iter().all(|it| it.what != "recovery_target_xid"));
}

#[test]
fn a_module_that_archives_instead_is_named() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place)
        .setting("archive_mode", "on")
        .setting("archive_library", "basic_archive")
        .setting("shared_preload_libraries", "")
        .init();
    server.start();
    let outcome = doctor(&place, &config).envs(server.connection()).arg("--json").run();
    let all = findings(&outcome);
    let library = about(&all, "archive_library");
    assert_eq!(library.found, "\"basic_archive\" archives instead of archive_command");
    assert_eq!(library.mend, "ALTER SYSTEM SET archive_library = '';");
    assert_eq!(
        about(&all, "archive_command").found,
        "not in use while there is an archive_library"
    );
}

#[test]
fn a_restore_command_of_another_tool_is_named() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place).setting("restore_command", "cp /b/%f %p").init();
    server.start();
    let run = || findings(&doctor(&place, &config).envs(server.connection()).arg("--json").run());
    let all = run();
    let found = about(&all, "restore_command");
    assert_eq!(found.verdict, "warning");
    assert_eq!(found.found, "\"cp /b/%f %p\" is not wal-fetch: it does not see the repositories");
    assert!(found.mend.starts_with("ALTER SYSTEM SET restore_command = '"), "{found:?}");
    set(&server, "restore_command", "wal-fetch %f \"%p\"");
    assert_eq!(about(&run(), "restore_command").verdict, "ok");
}

#[test]
fn a_role_gets_what_it_lacks() {
    let place = Place::new();
    let config = local(&place);
    let mut server = Server::builder(&place).init();
    server.start();
    server.sql("create role \"Back up\" login");
    let run = || {
        let run = doctor(&place, &config).envs(server.connection());
        run.env("PGUSER", "Back up").env("PGDATABASE", "").arg("--json").run()
    };
    let all = findings(&run());
    assert_eq!(about(&all, "REPLICATION").mend, "ALTER ROLE \"Back up\" REPLICATION;");
    assert_eq!(about(&all, "pg_monitor").mend, "GRANT pg_monitor TO \"Back up\";");
    server.sql("alter role \"Back up\" replication");
    server.sql("grant pg_monitor to \"Back up\"");
    let all = findings(&run());
    for what in ["REPLICATION", "pg_monitor", "replication connection"] {
        assert_eq!(about(&all, what).verdict, "ok");
    }
    let hba = server.data().join("pg_hba.conf");
    std::fs::write(&hba, "local all all trust\nlocal replication postgres trust\n").unwrap();
    server.sql("select pg_reload_conf()");
    let refused = poll(Duration::from_secs(20), || {
        let all = findings(&run());
        let refused = about(&all, "replication connection");
        (refused.verdict == "problem").then(|| refused.mend.clone())
    });
    assert!(refused.unwrap().starts_with("host replication Back up ADDRESS/32 scram-sha-256"));
}

#[test]
fn a_server_that_can_not_be_reached_is_not_called_well() {
    let place = Place::new();
    let config = local(&place);
    let run = doctor(&place, &config).env("PGHOST", place.sockets()).env("PGPORT", "1").run();
    run.expect(3);
    let preview = doctor(&place, &config).env("PGHOST", place.sockets()).env("PGPORT", "1");
    let preview = preview.arg("--fix-preview").run();
    preview.expect(3);
    assert!(preview.stdout.starts_with("-- connection: could not connect: "), "{preview}");
    assert!(run.stdout.contains("\n  UNKNOWN  connection: could not connect: "), "{run}");
    assert!(run.stdout.ends_with("\n1 not looked at\n"), "{run}");
    let run = doctor(&place, &config).arg("--without-server").run();
    run.expect(0);
    assert!(run.stdout.ends_with("\nall is well\n"), "{run}");
}

#[test]
fn a_call_that_is_wrong_says_that_nothing_is_known() {
    let place = Place::new();
    let config = local(&place);
    doctor(&place, &config).arg("--nonsense").run().expect(3).says("'--nonsense'");
    let wrong = place.file("wrong.toml", "clutser = \"a\"\n");
    doctor(&place, &wrong).run().expect(3).says("Did you mean cluster?");
}
