//! The timers that have the jobs done by themselves.

use super::hands::Hands;
use super::{Answers, Encryption, sets};

/// The timers that packages bring, for what there is.
pub fn timers(answers: &Answers, hands: &Hands) -> String {
    // What is encrypted is rehearsed where the private key is, and that is not here. A drill of PostgreSQL needs its programs,
    // which a host with containers has not.
    let here = answers.encryption == Encryption::None;
    let postgres = here && !answers.container;
    let mut names = Vec::new();
    names.extend(timers_of("basebackup", "", postgres));
    if answers.redis_url.is_some() {
        names.extend(timers_of("redis", "", here));
    }
    for set in sets(answers) {
        names.extend(timers_of("media", &format!("@{set}"), here));
    }
    names.push("seawall-check.timer".to_owned());
    let lines: String =
        names.iter().map(|name| hands.systemctl(&format!("enable --now {name}"))).collect();
    let elsewhere = if here && answers.container {
        "\nA drill of PostgreSQL is not among them: it runs in the server's image, by a quadlet of its own (docs/containers.md,\n\
         \"Rehearse\").\n"
    } else if here {
        ""
    } else {
        "\nA drill is not among them: it takes the private key. Rehearse where that is, with this configuration;\n\
         `seawall check` warns when the last drill is older than objectives.drill_age, 35 days.\n"
    };
    let (source, folder) = if answers.rootless {
        ("user/seawall-*", "~/.config/systemd/user")
    } else {
        ("seawall-*", "/etc/systemd/system")
    };
    format!(
        "Have it done by itself, by the units of the package (from a checkout: packaging/{source} into\n\
         {folder}):\n\n{lines}{elsewhere}"
    )
}

fn timers_of(job: &str, set: &str, drill: bool) -> impl Iterator<Item = String> {
    let drill = drill.then_some("-drill");
    let kinds = ["", "-verify"].into_iter().chain(drill);
    kinds.map(move |kind| format!("seawall-{job}{kind}{set}.timer"))
}
