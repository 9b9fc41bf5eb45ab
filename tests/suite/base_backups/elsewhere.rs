//! What a restored server needs or writes outside of its directory is known before anything is written, and before it starts.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::backups_in;
use super::own_server::Live;
use super::sound::restoring;
use crate::support::user::hand_over;

/// More lines for the configuration of a server that runs; they count at its next start, or after a restore.
fn configure(server: &crate::support::postgres::Server, lines: &str) {
    let conf = server.data().join("postgresql.conf");
    let text = fs::read_to_string(&conf).expect("its settings");
    fs::write(&conf, text + lines).expect("root or owner");
}

#[test]
fn the_plan_names_what_the_configuration_has_elsewhere() {
    let live = Live::with(|server| {
        let data = server.data();
        let folder = data.join("conf.d");
        fs::create_dir(&folder).expect("our own folder");
        let included = folder.join("more.conf");
        fs::write(&included, "external_pid_file = '/run/of/the/live.pid'\n").expect("written");
        [folder, included].iter().for_each(|path| hand_over(path));
        let lines = format!(
            "include_dir = 'conf.d'\ninclude_if_exists = '/nowhere/if.conf'\ndata_directory = '{0}'\n\
             hba_file = '{0}/pg_hba.conf'\nssl = on\nssl_key_file = '/nowhere/server.key'\nlog_directory = 'log'\n",
            data.display()
        );
        configure(server, &lines);
    });
    let old = live.server.data().display().to_string();
    let lines = [
        format!("data_directory = '{old}': a server that is started with this setting uses that path"),
        "external_pid_file = '/run/of/the/live.pid': a server that is started with this setting uses that path".to_owned(),
        format!("hba_file = '{old}/pg_hba.conf': the server reads it there"),
        "ssl_key_file = '/nowhere/server.key': it is not on this host; the server does not start without it".to_owned(),
    ];
    let plan = live.restoring(&["--dry-run"]).run();
    plan.expect(0);
    for line in &lines {
        plan.shows(&format!("elsewhere   {line}\n"));
    }
    assert!(!plan.stdout.contains("if.conf") && !plan.stdout.contains("log_directory"), "{plan}");
    assert!(!live.data().exists());
    // What is only to know was in the plan; what is serious is said again.
    let restored = live.restoring(&[]).run();
    restored.expect(0).says(&format!("has the setting {}", lines[3]));
    restored.does_not_say("has the setting hba_file");

    // As an older version has described it.
    fs::remove_dir_all(live.data()).expect("our own folder");
    let description = backups_in(&live.place.join("archive"))[0].join("backup.json");
    let text = fs::read_to_string(&description).expect("JSON");
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    json.as_object_mut().and_then(|it| it.remove("elsewhere")).expect("it was told");
    fs::write(&description, json.to_string()).expect("our own file");
    live.restoring(&["--dry-run"]).run().expect(0).shows(
        "elsewhere   an older version took this backup: the files of its configuration outside of the directory are named once the restored files are there\n",
    );
    let restored = live.restoring(&[]).run();
    restored.expect(0);
    for line in &lines {
        restored.says(&format!("has the setting {line}"));
    }
}

/// As on Debian, or where the files are links.
#[test]
fn a_backup_without_its_configuration_is_not_started() {
    let live = Live::with(|server| {
        let (own, outside) =
            (server.data().join("pg_hba.conf"), server.data().with_extension("hba"));
        fs::rename(&own, &outside).expect("root or owner");
        symlink(&outside, &own).expect("root or owner");
    });
    let line = |name: &str| {
        format!(
            "elsewhere   {name} is not in the backup: the server needs one on this host to start\n"
        )
    };
    live.restoring(&["--dry-run"]).run().expect(0).shows(&line("pg_hba.conf"));
    let refused = |name: &str| {
        live.restoring(&["--start"]).run().expect(2).says(&format!(
            "--start needs {name}, which is not in the base backup: it was outside the data \
             directory, or was a link to outside. HINT: Start the server as the old server was started: with --follow --after 'systemctl start …' instead of --start."
        ));
        assert!(!live.data().exists());
    };
    refused("pg_hba.conf");
    let conf = live.server.data().join("postgresql.conf");
    fs::rename(&conf, live.server.data().with_extension("conf")).expect("root or owner");
    super::base_backup(&live.seawall, &live.server, "create").run().expect(0);
    live.server.wait_archived(&live.server.switch_wal(), super::sound::LIMIT);
    live.restoring(&["--dry-run"]).run().expect(0).shows(&line("postgresql.conf"));
    refused("postgresql.conf");
}

/// `pg_ctl` hands paths to a shell, between double quotes. And the folders above a tablespace are made.
#[test]
fn a_server_starts_whatever_its_folder_is_called() {
    let live = Live::with(|server| {
        // What its folder was is of no interest; where it goes is.
        let location = server.data().with_extension("ts");
        fs::create_dir(&location).expect("our own folder");
        hand_over(&location);
        server.sql(&format!("create tablespace far location '{}'", location.display()));
        server.sql("create table in_far tablespace far as select generate_series(1, 100) i");
    });
    let oid = live.server.sql("select oid from pg_tablespace where spcname = 'far'");
    let was = live.server.data().with_extension("ts").display().to_string();
    let id = super::sound::ids(&live.place.join("archive"))[0].clone();
    let shown = live.seawall.base_backup_by_hand("show").arg(&id).run();
    shown.expect(0).shows(&format!("Tablespace {oid}  {was}\n"));

    let data = live.place.join("no/such folder/it's $HOME `id` \"q\" \\ 100%");
    let folder = live.place.join("not/yet $there/far");
    let place = format!("{oid}={}", folder.display());
    let words = ["--tablespace", &place, "--start"];
    let plan = live.restoring_into(&data, &words).arg("--dry-run").run();
    let made = format!(
        "{} (makes {} first)\n",
        data.display(),
        data.parent().expect("a folder").display()
    );
    plan.expect(0).shows(&format!("into        {made}"));
    let above = folder.parent().expect("a folder");
    plan.expect(0).shows(&format!(
        "tablespace  {oid} into {}, was in {was} (makes {} first)\n",
        folder.display(),
        above.display()
    ));
    let outcome = live.restoring_into(&data, &words).run();
    let stop = live.pg_ctl_of(&data, &["stop", "-m", "immediate"]).run();
    outcome.expect(0).says("the server takes writes");
    stop.expect(0);
    let mut log = data.as_os_str().to_owned();
    log.push(".restore.log");
    assert!(Path::new(&log).is_file() && folder.is_dir());

    // Nothing is moved or written where a folder can't be made.
    let run = restoring(&live.seawall, &live.place.join("other"));
    let refused = run.arg("--tablespace").arg(format!("{oid}=/not-ours/far")).run();
    refused.expect(10).says(&format!(
        "can't create the folder \"/not-ours/far\" for tablespace {oid}: this user may not write to \"/\". \
         HINT: Make it, for the user that runs PostgreSQL, or put the tablespace elsewhere: --tablespace {oid}=FOLDER."
    ));
    assert!(!live.place.join("other").exists());
}
