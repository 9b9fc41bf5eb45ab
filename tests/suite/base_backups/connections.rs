//! All the ways that libpq knows to a server: TLS, passwords, services, several hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::backups_in;
use super::sound::LIMIT;
use crate::archiving::commands::Seawall;
use crate::scene::error;
use crate::support::place::{Place, free_port};
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::run::{Outcome, Run};
use crate::support::user::write_as_server_user;

const PASSWORD: &str = "it's geheim";

/// A server that lets the role `backup` in over TLS with its password, and nobody else over TCP.
struct Secured {
    place: Place,
    seawall: Seawall,
    server: Server,
    /// How to reach it over TCP, as a host and a port.
    port: String,
}

impl Secured {
    fn new(version: u32) -> Secured {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        certificates(&place);
        let path = |name: &str| place.join(name).display().to_string();
        let builder = Server::builder(&place).version(version).over_tcp().setting("ssl", "on");
        let builder = builder.setting("ssl_cert_file", &path("server.crt"));
        let builder = builder.setting("ssl_key_file", &path("server.key"));
        let mut server = builder.archive_command(&seawall.push()).init();
        write_as_server_user(
            &server.data().join("pg_hba.conf"),
            "local all,replication all trust\nhostssl replication backup all scram-sha-256\n\
             hostnossl replication plain all scram-sha-256\n",
        );
        server.start();
        let password = PASSWORD.replace('\'', "''");
        server.sql(&format!("create role backup login replication password '{password}'"));
        let connection = server.connection();
        let port = connection.into_iter().find(|(key, _)| key == "PGPORT").expect("a port").1;
        let passwords = place.file("passwords", format!("*:*:*:*:{PASSWORD}\n"));
        private(&passwords);
        Secured { place, seawall, server, port }
    }

    /// The connection string that works, with more or other words at its end.
    fn conninfo(&self, more: &str) -> String {
        format!(
            "host=localhost hostaddr=127.0.0.1 port={} user=backup sslmode=verify-full sslrootcert='{}' \
             passfile='{}' channel_binding=require {more}",
            self.port,
            self.place.join("authority.crt").display(),
            self.place.join("passwords").display()
        )
    }

    fn create(&self, conninfo: &str) -> Run {
        let run = self.seawall.base_backup_by_hand("create").limit(LIMIT);
        run.args(["--postgres-connection", conninfo])
    }

    /// Takes a backup, and one more is there.
    #[track_caller]
    fn works(&self, create: Run) {
        let archive = self.place.join("archive");
        let before = backups_in(&archive).len();
        create.run().expect(0);
        assert_eq!(backups_in(&archive).len(), before + 1);
    }
}

fn private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file");
}

/// An authority, a certificate of it for `localhost`, and another authority.
fn certificates(place: &Place) {
    let key = || KeyPair::generate().expect("a key");
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, key()).expect("a certificate")
    };
    let (ours, other) = (authority("Authority of the tests"), authority("Another authority"));
    let server = key();
    let params = CertificateParams::new(["localhost".to_owned()]).expect("the name is valid");
    let certificate = params.signed_by(&server, &ours).expect("a certificate");
    place.file("authority.crt", ours.pem());
    place.file("other.crt", other.pem());
    place.file("server.crt", certificate.pem());
    private(&place.file("server.key", server.serialize_pem()));
}

#[test]
fn every_way_that_libpq_knows_leads_to_the_server() {
    let secured = Secured::new(NEWEST);
    secured.works(secured.create(&secured.conninfo("")));
    let uri = format!(
        "postgresql://backup@localhost:{}/?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={}&\
         channel_binding=require",
        secured.port,
        secured.place.join("authority.crt").display().to_string().replace(' ', "%20")
    );
    secured.works(secured.create(&uri).env("PGPASSWORD", PASSWORD));

    let service = format!(
        "[shop]\nhost=localhost\nhostaddr=127.0.0.1\nport={}\nuser=backup\nsslmode=verify-full\n\
         sslrootcert={}\npassfile={}\nchannel_binding=require\n",
        secured.port,
        secured.place.join("authority.crt").display(),
        secured.place.join("passwords").display()
    );
    let service = secured.place.file("services", service);
    secured.works(secured.create("service=shop").env("PGSERVICEFILE", &service));
    let by_variables = secured.seawall.base_backup_by_hand("create").env("PGSERVICE", "shop");
    secured.works(by_variables.env("PGSERVICEFILE", &service).limit(LIMIT));
}

/// The first host is down, or is not the one that is looked for.
#[test]
fn of_several_hosts_the_right_one_is_found() {
    let secured = Secured::new(OLDEST);
    let (down, port) = (free_port(), &secured.port);
    let two = format!("host=localhost,localhost hostaddr=127.0.0.1,127.0.0.1 port={down},{port}");
    for attributes in ["any", "primary", "read-write", "prefer-standby"] {
        let words = format!("{two} target_session_attrs={attributes}");
        secured.works(secured.create(&secured.conninfo(&words)));
    }
    let words = format!("{two} target_session_attrs=standby connect_timeout=2");
    let outcome = secured.create(&secured.conninfo(&words)).run();
    outcome.expect(8).says("Connection refused").says("server is not in hot standby mode");
}

#[test]
fn what_is_wrong_with_a_connection_is_said() {
    let secured = Secured::new(NEWEST);
    let file = |name: &str| format!("'{}'", secured.place.join(name).display());
    let wrong = secured.place.file("wrong passwords", "*:*:*:*:wrong\n");
    private(&wrong);
    let says = |words: &str, status: i32, text: &str| {
        let outcome: Outcome = secured.create(&secured.conninfo(words)).run();
        let found = error(outcome.expect(status));
        assert!(found.starts_with("could not take a base backup: could not connect: "), "{found}");
        assert!(found.contains(text), "{words}: {found}");
        assert!(!outcome.to_string().contains("geheim"), "{outcome}");
    };
    says(&format!("sslrootcert={}", file("other.crt")), 8, "certificate verify failed");
    says(&format!("sslrootcert={}", file("none.crt")), 8, "does not exist");
    says("host=127.0.0.1", 8, "does not match host name \"127.0.0.1\"");
    says(&format!("passfile={}", file("wrong passwords")), 9, "password authentication failed");
    says("passfile=/dev/null", 9, "no password supplied");
    says("user=nobody", 9, "no pg_hba.conf entry");
    says("sslmode=disable channel_binding=prefer", 9, "no pg_hba.conf entry");
    says("sslmode=disable user=plain", 8, "channel binding");
    says("port=1", 8, "Connection refused");
    let unknown = secured.create("service=nowhere").env("PGSERVICEFILE", "/dev/null").run();
    assert_eq!(
        error(unknown.expect(8)),
        "could not take a base backup: could not connect: definition of service \"nowhere\" not found. HINT: Say \
         where the server is: --postgres-connection 'host=… user=…', or the PG… variables."
    );
    // A role that may log in, but not copy everything.
    secured.server.sql("alter role backup noreplication");
    says("", 9, "permission denied to start WAL sender");
    assert_eq!(backups_in(&secured.place.join("archive")).len(), 0);
}
