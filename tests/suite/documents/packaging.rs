//! What the packages bring beside the programs: pages and completions for every verb, units whose commands the
//! programs understand, quadlets and the compose file. `scripts/test-packages.sh` installs them.

use std::collections::BTreeSet;
use std::process::Command as Process;

use clap::Command;

use seawall::command::seawall::manuals as pages;

use super::{files, read};
use crate::support::place::Place;

/// The names of the pages of a command and its verbs.
fn pages_of(command: &Command, name: &str, names: &mut BTreeSet<String>) {
    names.insert(format!("man/man1/{name}.1"));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        pages_of(verb, &format!("{name}-{}", verb.get_name()), names);
    }
}

/// The values of one key of a unit, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let of_key = |line: &'a str| line.strip_prefix(key)?.strip_prefix('=');
    unit.lines().filter_map(of_key).collect()
}

fn units(ending: &str) -> Vec<(String, String)> {
    let files = files(&["packaging"], ending).into_iter();
    files.map(|file| (file.clone(), read(&file))).collect()
}

#[test]
fn every_program_and_every_verb_has_a_page() {
    let mut expected = BTreeSet::new();
    for program in pages::programs() {
        let name = program.get_name().to_owned();
        pages_of(&program, &name, &mut expected);
    }
    assert!(expected.len() > 30, "{expected:?}");
    let all = pages::all("2026-11-23").unwrap();
    let found = all.iter().filter(|(path, _)| path.starts_with("man/man1/"));
    let found: BTreeSet<String> = found.map(|(path, _)| path.clone()).collect();
    assert_eq!(found, expected);
    for (path, content) in all.iter().filter(|(path, _)| path.starts_with("man/man1/")) {
        let (text, name) = (str::from_utf8(content).unwrap(), path[9..].trim_end_matches(".1"));
        assert!(text.contains(&format!(".TH {name} 1 2026-11-23 ")), "{text}");
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES"] {
            assert!(
                text.contains(&format!("\n.SH {section}\n")),
                "{path} has no {section}: {text}"
            );
        }
    }
}

#[test]
fn the_programs_are_those_that_are_built() {
    let built = files(&["src/bin"], "rs");
    let built: BTreeSet<String> =
        built.iter().map(|file| file["src/bin/".len()..].replace(".rs", "")).collect();
    let programs = pages::programs();
    assert_eq!(programs.iter().map(|it| it.get_name().to_owned()).collect::<BTreeSet<_>>(), built);
    for script in ["scripts/build-static.sh", "scripts/build-packages.sh"] {
        let script = read(script);
        built.iter().for_each(|name| assert!(script.contains(name.as_str()), "{name}: {script}"));
    }
}

#[test]
fn bash_loads_the_completions() {
    let place = Place::new();
    for (path, content) in pages::all("2026-11-23").unwrap() {
        if let Some(name) = path.strip_prefix("completions/bash/") {
            let file = place.file(name, &content);
            let script = format!(". '{}' && complete -p {name}", file.display());
            let outcome = Process::new("bash").args(["-euc", &script]).output().unwrap();
            assert!(outcome.status.success(), "{name}: {outcome:?}");
        }
    }
}

/// A line of a unit is a command, or some for the shell: those of them that are ours.
fn commands_of(line: &str) -> Vec<&str> {
    let Some((_, script)) = line.split_once("/bin/sh -c '") else { return vec![line] };
    let script = script.split('\'').next().unwrap_or_default();
    let commands = script.split(';').flat_map(|it| it.split("&&")).map(str::trim);
    commands
        .filter(|it| it.starts_with(|first: char| "bmrs".contains(first)) && it.contains("backup "))
        .collect()
}

/// The verification that a unit calls after each backup.
fn verification_of(unit: &str) -> Option<&str> {
    let all = values(unit, "Environment").into_iter();
    let mut own = all.filter_map(|it| it.strip_prefix("\"VERIFY=")?.strip_suffix('"'));
    own.next()
}

/// A backup that is not whole, or is in one repository only, stops neither its verification nor retention; the unit fails
/// all the same.
#[test]
fn retention_runs_whatever_became_of_the_backup() {
    let place = Place::new();
    for file in ["basebackup", "basebackup@", "redis", "redis@", "media@"] {
        let unit = read(format!("packaging/seawall-{file}.service"));
        let line = values(&unit, "ExecStart")[0].replace("$$", "$").replace("%i", "example");
        let verification = verification_of(&unit);
        let calls = ["create\nprune\n", "create\nverify --newest\nprune\n"];
        let calls = calls[usize::from(verification.is_some())];
        for (create, verify, prune, expected) in [
            (0, 0, 0, 0),
            (4, 0, 0, 4),
            (8, 0, 0, 8),
            (0, 0, 5, 1),
            (8, 0, 5, 1),
            (0, 7, 0, 7),
            (4, 7, 0, 4),
        ] {
            if verify != 0 && verification.is_none() {
                continue;
            }
            let log = place.join("log");
            let _ = std::fs::remove_file(&log);
            for program in ["basebackup", "redis-backup", "media-backup"] {
                let script = format!(
                    "#!/bin/sh\ncase $1 in verify) echo $* ;; *) echo $1 ;; esac >>{}\n\
                     case $1 in create) exit {create} ;; verify) exit {verify} ;; esac\nexit {prune}\n",
                    log.display()
                );
                let program = place.file(program, script);
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(program, mode).unwrap();
            }
            let path = format!("{}:/usr/bin:/bin", place.join("").display());
            let mut shell = Process::new("sh");
            let shell = shell.args(["-c", &line]).env("PATH", path);
            let ended = shell.env("VERIFY", verification.unwrap_or_default()).status().unwrap();
            let what = format!("{file}: {create}, {verify}, {prune}");
            assert_eq!(std::fs::read_to_string(&log).unwrap(), calls, "{what}");
            let code = ended.code().unwrap();
            assert!(if expected == 1 { code != 0 } else { code == expected }, "{what}: {code}");
        }
    }
}

#[test]
fn the_programs_understand_what_units_say_to_them() {
    let mut commands = 0;
    for (file, unit) in units("service") {
        let own = verification_of(&unit).into_iter();
        for line in values(&unit, "ExecStart").into_iter().flat_map(commands_of).chain(own) {
            let line = line.replace("%i", "example").replace("\"$$1\"", "example");
            let words: Vec<&str> = line.split(' ').collect();
            let program = pages::programs().into_iter().find(|it| it.get_name() == words[0]);
            let program = program.unwrap_or_else(|| panic!("{file}: {line}"));
            if let Err(error) = program.try_get_matches_from(words) {
                panic!("{file}: {line}: {error}");
            }
            commands += 1;
        }
    }
    assert!(commands > 8, "{commands}");
}

#[test]
fn every_job_is_hardened_alike_and_tells_of_its_failure() {
    const ALL: [(&str, &str); 15] = [
        ("Type", "oneshot"),
        ("ProtectSystem", "strict"),
        ("ReadWritePaths", "-/var/backups -/var/lib/seawall"),
        ("ProtectHome", "read-only"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectClock", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("NoNewPrivileges", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("RestrictNamespaces", "yes"),
        ("SystemCallFilter", "@system-service"),
        ("SystemCallArchitectures", "native"),
    ];
    let of_the_system = |file: &str| !file.contains("failed@") && !file.contains("/user/");
    let jobs = units("service").into_iter().filter(|(file, _)| of_the_system(file));
    for (file, unit) in jobs {
        for (key, value) in ALL {
            assert_eq!(values(&unit, key).first(), Some(&value), "{key} in {file}");
        }
        // Runs every minute: while a repository is away it would tell of that every minute.
        let each_minute = file.contains("settle");
        let hook = if each_minute { None } else { Some(&"seawall-failed@%n.service") };
        assert_eq!(values(&unit, "OnFailure").first(), hook, "{file}");
        for key in
            ["User", "MemoryMax", "TimeoutStartSec", "CapabilityBoundingSet", "LogExtraFields"]
        {
            assert_eq!(values(&unit, key).len(), 1, "{key} in {file}");
        }
        // A drill that starts a server confines it, for which `@system-service` has no calls.
        let confines = file.contains("-drill") && !file.contains("media");
        let calls = "landlock_add_rule landlock_create_ruleset landlock_restrict_self";
        assert_eq!(values(&unit, "SystemCallFilter").contains(&calls), confines, "{file}");
        let timer = read(file.replace(".service", ".timer"));
        for key in ["OnCalendar", "RandomizedDelaySec"] {
            assert_eq!(values(&timer, key).len(), 1, "{key} of the timer of {file}");
        }
        let missed: &[&str] = if each_minute { &[] } else { &["true"] };
        assert_eq!(values(&timer, "Persistent"), missed, "{file}");
        assert_eq!(values(&timer, "WantedBy"), ["timers.target"], "{file}");
    }
}

/// A user's own manager has the same jobs, by the same timers, without what only the system's manager may do.
#[test]
fn a_user_has_the_same_jobs() {
    let all = units("service").into_iter().filter(|(file, _)| !file.contains("/user/"));
    let mut jobs = 0;
    for (file, unit) in all {
        let own = read(file.replace("packaging/", "packaging/user/"));
        if file.contains("failed@") {
            assert!(own.contains("ConditionFileIsExecutable=%E/seawall/on-failure"), "{own}");
            continue;
        }
        let there = |line: &str| line.replace("/var/lib/", "%S/");
        let commands = |unit: &str| values(unit, "ExecStart").into_iter().map(there).collect();
        let (expected, found): (Vec<_>, Vec<_>) = (commands(&unit), commands(&own));
        assert_eq!(found, expected, "{file}");
        for key in [
            "Type",
            "TimeoutStartSec",
            "LogExtraFields",
            "LogLevelMax",
            "SuccessExitStatus",
            "UMask",
        ] {
            assert_eq!(values(&own, key), values(&unit, key), "{key} for a user: {file}");
        }
        let name = if file.contains("@.") && !file.contains("media") { "%i" } else { "seawall" };
        let config = format!("SEAWALL_CONFIG=%E/seawall/{name}.toml");
        assert!(values(&own, "Environment").contains(&config.as_str()), "{file}: {own}");
        assert_eq!(verification_of(&own), verification_of(&unit), "{file}");
        for key in ["User", "ProtectSystem", "PrivateDevices", "CapabilityBoundingSet"] {
            assert!(values(&own, key).is_empty(), "{key} for a user: {file}");
        }
        jobs += 1;
    }
    assert!(jobs > 8, "{jobs}");
}

/// Each cluster of several has a configuration and units of its own, `seawall-basebackup@shop` reads shop.toml. They differ from
/// those of the only cluster in that alone.
#[test]
fn a_cluster_of_several_has_the_same_jobs() {
    let of = |text: &str, name: &str| -> BTreeSet<String> {
        let text = text.replace(&format!("/seawall/{name}.toml"), "/seawall/NAME.toml");
        let text = text.replace(&format!("/{name}.prom"), "/NAME.prom");
        let system = text.replace("Environment=SEAWALL_CONFIG=/etc/seawall/NAME.toml\n", "");
        let plain = system.replace(", of %i\n", "\n").replace(" SEAWALL_CLUSTER=%i\n", "\n");
        plain.lines().map(str::to_owned).collect()
    };
    let mut templates = 0;
    for (file, unit) in units("service").into_iter().chain(units("timer")) {
        let Some(plain) = file
            .strip_suffix("@.service")
            .map(|name| name.to_owned() + ".service")
            .or_else(|| file.strip_suffix("@.timer").map(|name| name.to_owned() + ".timer"))
        else {
            // Each job has one, but for those that are told a set or a unit.
            if !file.contains('@') {
                let (name, ending) = file.rsplit_once('.').unwrap();
                assert!(!read(format!("{name}@.{ending}")).is_empty(), "{file}");
            }
            continue;
        };
        if file.contains("media") || file.contains("failed") {
            continue;
        }
        assert_eq!(of(&unit, "%i"), of(&read(&plain), "seawall"), "{file}");
        if file.ends_with("service") {
            let own = format!(
                "Environment=SEAWALL_CONFIG={}/seawall/%i.toml\n",
                if file.contains("/user/") { "%E" } else { "/etc" }
            );
            assert!(unit.contains(&own), "{file}: {unit}");
        }
        templates += 1;
    }
    assert_eq!(templates, 24);
}

/// Keys as `podman-systemd.unit(5)` and `systemd.service(5)` have them; podman's own generator is in few
/// distributions.
#[test]
fn quadlets_have_no_key_that_podman_does_not_know() {
    const KEYS: [(&str, &[&str]); 5] = [
        ("[Unit]", &["Description", "OnFailure", "RequiresMountsFor"]),
        (
            "[Container]",
            &[
                "ContainerName",
                "Environment",
                "Exec",
                "Image",
                "Network",
                "PodmanArgs",
                "PublishPort",
                "Secret",
                "User",
                "UserNS",
                "Volume",
            ],
        ),
        ("[Volume]", &["VolumeName"]),
        (
            "[Service]",
            &[
                "IOSchedulingPriority",
                "LogExtraFields",
                "Nice",
                "Restart",
                "RuntimeDirectory",
                "RuntimeDirectoryPreserve",
                "TimeoutStartSec",
                "TimeoutStopSec",
                "Type",
            ],
        ),
        ("[Install]", &["WantedBy"]),
    ];
    let quadlets: Vec<_> = units("container").into_iter().chain(units("volume")).collect();
    assert_eq!(quadlets.len(), 8);
    for (file, text) in &quadlets {
        let mut known: Option<&[&str]> = None;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                let section = KEYS.iter().find(|(name, _)| *name == line);
                known = Some(section.unwrap_or_else(|| panic!("{file}: {line}")).1);
            } else {
                let key = line.split_once('=').unwrap_or_else(|| panic!("{file}: {line}")).0;
                assert!(known.is_some_and(|keys| keys.contains(&key)), "{file}: {line}");
            }
        }
        for volume in values(text, "Volume") {
            let source = volume.split(':').next().unwrap();
            let here = quadlets.iter().any(|(file, _)| file.ends_with(&format!("/{source}")));
            let of_systemd = ["%E/", "%h/", "%t/"].iter().any(|it| source.starts_with(it));
            assert!(source.starts_with('/') || of_systemd || here, "{file}: {volume}");
        }
        // What stands on a server's command line is stronger than what a restore sets, and a repository by itself knows of
        // no encryption.
        assert!(
            !text.contains("-c archive_mode") && !text.contains("SEAWALL_REPOSITORY"),
            "{file}"
        );
    }
}

/// Read by the YAML library that one of the S3 servers brings.
#[test]
fn the_compose_file_says_what_it_should() {
    let server = std::env::var("SEAWALL_MOTO_SERVER")
        .expect("SEAWALL_MOTO_SERVER: scripts/install-servers.sh");
    let python = std::path::Path::new(&server).with_file_name("python");
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))";
    let outcome = Process::new(python)
        .args(["-c", script, &read("packaging/compose.yaml")])
        .output()
        .unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
    let compose: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        for volume in service["volumes"].as_array().unwrap() {
            let volume = volume.as_str().unwrap();
            // `${NAME:-/default}/program` has a colon of its own.
            let source = volume.rsplit_once('}').map_or(volume, |(_, rest)| rest);
            let source = source.split(':').next().unwrap();
            let named = compose["volumes"].get(source).is_some();
            assert!(source.starts_with('/') || named, "{name}: {volume}");
        }
        assert!(service["image"].is_string(), "{name}");
    }
    assert!(services["postgres"].get("command").is_none(), "archiving is not for the command line");
    for service in ["postgres", "basebackup", "check"] {
        let volumes = services[service]["volumes"].to_string();
        assert!(volumes.contains(":/etc/seawall/seawall.toml:ro"), "{service}: {volumes}");
    }
    assert_eq!(services["basebackup"]["profiles"], serde_json::json!(["jobs"]));
}
