//! Mail over SMTP, and what is said of a `sendmail` that cannot do its work.

use super::Told;
use super::mail_server::MailServer;
use crate::support::place::free_port;
use crate::support::run::Run;

fn over_smtp(server: &MailServer, more: &str) -> Told {
    let smtp = format!(
        "smtp = \"{}\"\nmail_to = [\"a@example.org\", \"b@example.org\"]\n{more}",
        server.address()
    );
    Told::new(&[], &smtp)
}

#[test]
fn each_address_gets_a_mail_of_its_own_over_smtp() {
    let server = MailServer::start();
    let told = over_smtp(&server, "");
    told.breaks();
    told.run(2);
    let mails = server.take();
    assert_eq!(mails.len(), 2);
    for (mail, to) in mails.iter().zip(["a@example.org", "b@example.org"]) {
        let [from, recipient] = mail.envelope.as_slice() else { panic!("{:?}", mail.envelope) };
        assert!(
            from.starts_with("MAIL FROM:<seawall@") && from.ends_with("> BODY=8BITMIME"),
            "{from}"
        );
        assert_eq!(recipient, &format!("RCPT TO:<{to}>"));
        let (head, body) = mail.text.split_once("\r\n\r\n").expect("a header");
        for line in [
            &format!("To: {to}"),
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(head.lines().any(|it| it == line), "{head}");
        }
        for begin in ["Subject: ", "From: seawall@", "Date: ", "Message-ID: <"] {
            assert!(head.lines().any(|it| it.starts_with(begin)), "{begin}: {head}");
        }
        assert!(
            head.contains(": CRITICAL: PostgreSQL main, ") && body.contains("is missing"),
            "{}",
            mail.text
        );
        assert!(!mail.text.replace("\r\n", "").contains(['\r', '\n']), "{:?}", mail.text);
    }
    assert_eq!(told.mails(), "", "sendmail gets none");
    told.run(2);
    assert_eq!(server.take().len(), 0, "once");
    told.mends();
    told.run(0);
    let over = server.take();
    assert!(
        over.len() == 2 && over.iter().all(|it| it.text.contains(": OK: it is well again\r\n"))
    );
}

#[test]
fn who_is_refused_does_not_keep_others_from_being_told() {
    let server = MailServer::start();
    let told = over_smtp(&server, "mail_from = \"backups@example.org\"\n");
    told.breaks();
    server.refuse("a@example.org");
    let outcome = told.run(3);
    outcome.says("could not tell a@example.org by mail: the mail server at 127.0.0.1:");
    outcome.says(" answered \"RCPT TO:<a@example.org>\" with \"550-No 550 not here\"");
    outcome.says("HINT: Its log says more. notify.mail_to and notify.mail_from are the addresses");
    let got = server.take();
    assert_eq!(got.len(), 1);
    assert!(
        got[0].envelope[0].starts_with("MAIL FROM:<backups@example.org>")
            && got[0].envelope[1].contains("b@example.org")
    );
    assert!(got[0].text.contains("\r\nFrom: backups@example.org\r\n"), "{}", got[0].text);
    server.refuse("");
    told.run(2);
    let got = server.take();
    assert!(
        got.len() == 1 && got[0].envelope[1] == "RCPT TO:<a@example.org>",
        "the other one knows it"
    );
    let trial = told.laid.seawall("notify").run();
    assert_eq!(trial.expect(0).stdout, "told a@example.org by mail\ntold b@example.org by mail\n");
}

#[test]
fn a_mail_server_that_is_not_there_is_said_aloud() {
    let told = Told::new(
        &[],
        &format!("smtp = \"127.0.0.1:{}\"\nmail_to = [\"a@example.org\"]\n", free_port()),
    );
    told.breaks();
    let outcome = told.run(3);
    outcome.says(
        "could not tell a@example.org by mail: could not connect to the mail server at 127.0.0.1:",
    );
    outcome.says("Connection refused").says(
        "HINT: Does a mail server such as postfix or exim run there, and does it listen (ss -ltn)?",
    );
    // What answers there speaks something else.
    let with = |name: &str, value: &str| told.laid.seawall("notify").env(name, value);
    let (smtp, from) = ("SEAWALL_NOTIFY_SMTP", "SEAWALL_NOTIFY_MAIL_FROM");
    let silent = with(smtp, &told.receiver.url().replace("http://", ""));
    let silent = silent.env("SEAWALL_LIMITS_REQUEST_TIMEOUT", "1s").run();
    silent.expect(8).says("broke off at \"its greeting\": no answer in time");
    for wrong in ["localhost", "localhost:0", ":25", "http://localhost:25"] {
        let said =
            format!("expected HOST:PORT like 127.0.0.1:25 in notify.smtp, found \"{wrong}\"");
        with(smtp, wrong).run().expect(3).says(&said);
    }
    let said = "expected addresses like ops@example.org in notify.mail_from";
    with(from, "a b").run().expect(3).says(said);
}

/// As in the units of the packages: no program gets more rights than its caller has.
#[test]
fn a_confined_sendmail_has_a_hint_of_its_own() {
    let told = Told::new(&[], "mail_to = [\"a@example.org\"]\n");
    std::fs::write(told.laid.place.join("sendmail"), "#!/bin/sh\nexit 75\n").unwrap();
    let free = told.laid.seawall("notify").run();
    free.expect(10)
        .says("HINT: Is a mail program with a sendmail installed (postfix, exim, msmtp-mta)?");
    let program = told.laid.place.program(env!("CARGO_BIN_EXE_seawall"));
    let confined =
        Run::new(&told.laid.place, "setpriv").args(["--no-new-privs", "--"]).arg(program);
    let confined =
        confined.args(["notify", "--config"]).arg(told.laid.place.join("seawall.toml")).run();
    confined
        .expect(10)
        .says("HINT: Its unit keeps it from changing its user or group (NoNewPrivileges)");
    confined.says("set notify.smtp = \"127.0.0.1:25\"");
}
