//! A wrong setting is said with the place where it stands, and what mends it is what counts there.

use std::fs;
use std::path::{Path, PathBuf};

use super::{about, doctor, findings};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;
use crate::support::user::write_as_server_user;

fn configuration(place: &Place) -> PathBuf {
    let folder = place.folder("disk").join("repository");
    place.file("seawall.toml", format!("[[repository]]\nurl = {folder:?}\n"))
}

/// `FILE, line N` of the last line that begins so.
fn stands(file: &Path, begin: &str) -> String {
    let text = fs::read_to_string(file).expect("a file of the server");
    let at = text.lines().collect::<Vec<_>>().iter().rposition(|line| line.starts_with(begin));
    let at = at.unwrap_or_else(|| panic!("no {begin} in {text}"));
    format!("{}, line {}", file.display(), at + 1)
}

/// A server whose settings stand in three places.
fn set_in_many_places(place: &Place) -> Server {
    let builder = Server::builder(place).setting("include", "more.conf");
    let mut server = builder.setting("cluster_name", "shop").init();
    write_as_server_user(&server.data().join("more.conf"), "\n\nfull_page_writes = off\n");
    server.set("archive_timeout", "10min");
    server.start();
    server
}

#[test]
fn a_wrong_setting_is_named_with_its_file_and_line() {
    let place = Place::new();
    let config = configuration(&place);
    let builder = Server::builder(&place).setting("include", "more.conf");
    let builder = builder.on_the_command_line("max_wal_senders", "0");
    let mut server = builder.on_the_command_line("wal_level", "minimal").init();
    let more = server.data().join("more.conf");
    write_as_server_user(&more, "\n\nfull_page_writes = off\n");
    server.set("archive_timeout", "10min");
    server.start();
    let run = || doctor(&place, &config).envs(server.connection());
    let all = findings(&run().arg("--json").run());
    let file = |name: &str| server.data().join(name);
    for (name, place) in [
        ("fsync", stands(&file("postgresql.conf"), "fsync")),
        ("full_page_writes", stands(&more, "full_page_writes")),
        ("archive_timeout", stands(&file("postgresql.auto.conf"), "archive_timeout")),
        ("wal_level", "the command line of the server".to_owned()),
        // By default.
        ("archive_mode", String::new()),
    ] {
        assert_eq!(about(&all, name).set_in, place);
    }
    let text = run().run();
    let below =
        format!("\n           set in {}\n           ALTER SYSTEM SET full", stands(&more, "full"));
    assert!(text.stdout.contains(&below), "{text}");
    let expected = "The command line of the server overrides ALTER SYSTEM: write \
                    wal_level=replica there, in its unit or its container, and restart it.";
    assert_eq!(about(&all, "wal_level").mend, expected);
    // The statements are those that mend something.
    let fixes = run().arg("--fix-preview").run();
    assert!(fixes.stdout.contains(&format!("--   {expected}\n")), "{fixes}");
    assert!(!fixes.stdout.contains("SET wal_level"), "{fixes}");
    assert!(fixes.stdout.contains("\nALTER SYSTEM SET fsync = 'on';\n"), "{fixes}");
}

/// It is another's to say, on all nodes at once, and `ALTER SYSTEM` would be out of its sight.
#[test]
fn under_patroni_what_mends_a_setting_is_patroni() {
    let place = Place::new();
    let config = configuration(&place);
    let server = set_in_many_places(&place);
    let dynamic = r#"{"postgresql": {"parameters": {"full_page_writes": "off"}}}"#;
    write_as_server_user(&server.data().join("patroni.dynamic.json"), dynamic);
    let run = || doctor(&place, &config).envs(server.connection());
    let all = findings(&run().arg("--json").run());
    let expected = |name: &str, place: &str, mend: &str| {
        let found = about(&all, name);
        assert!(found.set_in.ends_with(place), "{found:?}");
        assert_eq!(found.mend, mend);
    };
    expected(
        "full_page_writes",
        "more.conf, line 3, by Patroni",
        "patronictl edit-config shop --pg full_page_writes=on",
    );
    let of_this_node = "fsync: on under postgresql.parameters in this node's patroni.yml, then patronictl reload shop";
    expected("fsync", ", by Patroni from this node's patroni.yml", of_this_node);
    let auto = ", which overrides Patroni's settings";
    expected("archive_timeout", auto, "ALTER SYSTEM RESET archive_timeout;");
    let mode = "patronictl edit-config shop --pg archive_mode=on && patronictl restart shop";
    expected("archive_mode", "", mode);
    let fixes = run().arg("--fix-preview").run();
    assert!(fixes.stdout.contains(&format!("--   {mode}\n")), "{fixes}");
    assert!(
        fixes.stdout.ends_with("\nALTER SYSTEM RESET archive_timeout;\nSELECT pg_reload_conf();\n"),
        "{fixes}"
    );
}

/// `seawall check` knows it as well.
#[test]
fn check_says_where_archiving_is_turned_off_and_what_turns_it_on() {
    let place = Place::new();
    let config = configuration(&place);
    let mut server = Server::builder(&place).setting("cluster_name", "shop").init();
    server.set("archive_mode", "off");
    server.start();
    let check = |server: &Server| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).server_user();
        let run = run.envs(server.connection()).args(["check", "--format", "json", "--config"]);
        let outcome = run.arg(&config).run();
        let verdict: serde_json::Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome}"));
        let all = verdict["findings"].as_array().expect("findings");
        let archiving = all.iter().find(|it| it["check"] == "archiving").expect("a server");
        archiving["hint"].as_str().unwrap_or_default().to_owned()
    };
    let auto = stands(&server.data().join("postgresql.auto.conf"), "archive_mode");
    let plain = check(&server);
    assert!(
        plain.starts_with(
            "ALTER SYSTEM SET archive_mode = on; ALTER SYSTEM SET archive_command = '"
        ),
        "{plain}"
    );
    assert!(plain.ends_with(&format!(" then restart. (archive_mode is set in {auto})")), "{plain}");
    write_as_server_user(&server.data().join("patroni.dynamic.json"), "{}");
    let expected = format!(
        "ALTER SYSTEM RESET archive_mode;  -- restart needed: patronictl restart shop (archive_mode is set in {auto}, which overrides Patroni's settings)"
    );
    assert_eq!(check(&server), expected);
    server.sql("alter system reset archive_mode");
    server.restart();
    assert_eq!(
        check(&server),
        "patronictl edit-config shop --pg archive_mode=on && patronictl restart shop"
    );
}
