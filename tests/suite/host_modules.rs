//! Settings of the host that name modules, for names or for TLS: none is loaded. A static program would die of it; the
//! programs here are not static, and tell by LD_DEBUG what they load. `scripts/test-foreign-hosts.sh` has the static ones.

use std::io::Write;
use std::net::TcpListener;

use crate::archiving::commands::Seawall;
use crate::by_hand::ByHand;
use crate::namespace;
use crate::support::place::Place;
use crate::support::run::Outcome;

/// Not even looked for.
#[track_caller]
fn loads_none(outcome: &Outcome, modules: &[&str]) {
    // Else it would prove nothing.
    outcome.says("file=libc.so.6");
    modules.iter().for_each(|module| {
        outcome.does_not_say(module);
    });
}

#[test]
fn names_and_users_are_looked_for_without_modules() {
    let host = ByHand::new();
    let (path, name) = (host.has(0), host.name(0));
    let nsswitch = "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\npasswd: sss files systemd\n";
    let nsswitch = host.place.file("nsswitch.conf", nsswitch);
    // Nobody is known there, so the sources behind are asked.
    let nobody = host.place.file("passwd", "");
    let config = "[[repository]]\nurl = \"s3://bucket\"\nendpoint = \"http://store.nowhere.invalid:9\"\n\
                  [limits]\nattempts = 1\n";
    let config = host.place.file("seawall.toml", config);
    for (program, words) in [
        (env!("CARGO_BIN_EXE_wal-push"), format!("{path} {name}")),
        (
            env!("CARGO_BIN_EXE_basebackup"),
            "create --postgres-connection host=db.nowhere.invalid".to_owned(),
        ),
        (
            env!("CARGO_BIN_EXE_redis-backup"),
            "create --redis-url redis://cache.nowhere.invalid".to_owned(),
        ),
    ] {
        let script = "mount --bind $nsswitch /etc/nsswitch.conf; mount --bind $nobody /etc/passwd
             status=0; $as env -u HOME LD_DEBUG=files $program $words --config $config || status=$?
             test $status = 8";
        let Some(run) = namespace::script(&host.place, script) else { return };
        let program = host.place.program(program);
        let run = run.env("nsswitch", &nsswitch).env("nobody", &nobody).env("config", &config);
        let run = run.env("program", program).env("words", words).cwd(host.directory.path());
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let outcome = run.envs(keys).run();
        loads_none(outcome.expect(0), &["libnss"]);
    }
}

/// A server that says yes to TLS is enough: libpq then gets ready for it.
#[test]
fn tls_goes_without_the_configuration_of_openssl() {
    let place = Place::new();
    let module = place.join("module.so");
    let text = format!(
        "openssl_conf = all\n[all]\nproviders = those\nengines = these\n[those]\ndefault = on\nown = provider\n\
         [provider]\nmodule = {module}\nactivate = 1\n[on]\nactivate = 1\n[these]\nown = engine\n\
         [engine]\nengine_id = dynamic\ndynamic_path = {module}\n",
        module = module.display()
    );
    let conf = place.file("openssl.cnf", text);
    let server = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = server.local_addr().expect("bound").port();
    let connection = format!("host=127.0.0.1 port={port} user=x sslmode=require");
    let create = Seawall::new(&place).local("archive").base_backup_by_hand("create");
    let create = create.env("LD_DEBUG", "files").env("OPENSSL_CONF", &conf);
    let running = create.args(["--postgres-connection", &connection]).start();
    let (mut socket, _) = server.accept().expect("it connects");
    socket.write_all(b"S").expect("it listens");
    drop(socket);
    loads_none(running.finish().expect(8), &["module.so", "ossl-modules"]);
}
