use super::{Answers, Encryption, sets};

/// The timers that packages bring, for what there is.
pub fn timers(answers: &Answers) -> String {
    // What is encrypted is rehearsed where the private key is, and that is not here.
    let here = answers.encryption == Encryption::None;
    let mut names = Vec::new();
    names.extend(timers_of("basebackup", "", here));
    if answers.redis_url.is_some() {
        names.extend(timers_of("redis", "", here));
    }
    for set in sets(answers) {
        names.extend(timers_of("media", &format!("@{set}"), here));
    }
    names.push("seawall-check.timer".to_owned());
    let lines: String =
        names.iter().map(|name| format!("    sudo systemctl enable --now {name}\n")).collect();
    let elsewhere = if here {
        ""
    } else {
        "\nA drill is not among them: it takes the private key. Rehearse where that is, with this configuration;\n\
         `seawall check` warns when the last drill is older than objectives.drill_age, 35 days.\n"
    };
    format!(
        "Have it done by itself, by the units of the package (from a checkout: packaging/seawall-* into\n\
         /etc/systemd/system):\n\n{lines}{elsewhere}"
    )
}

fn timers_of(job: &str, set: &str, drill: bool) -> impl Iterator<Item = String> {
    let drill = drill.then_some("-drill");
    let kinds = ["", "-verify"].into_iter().chain(drill);
    kinds.map(move |kind| format!("seawall-{job}{kind}{set}.timer"))
}
