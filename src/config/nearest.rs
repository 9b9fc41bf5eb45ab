/// The candidate that `wrong` was most likely meant to be, if one is near enough to be worth naming.
pub fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let score = |candidate: &str| (strsim::jaro_winkler(wrong, candidate) * 1000.0) as u32;
    let best = candidates.max_by_key(|candidate| score(candidate))?;
    (score(best) > 700).then_some(best)
}

/// A hint that names it, or all there are.
pub fn hint<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(wrong, candidates.clone()) {
        Some(best) => format!("Did you mean {best}?"),
        None => format!("There are: {}.", candidates.collect::<Vec<_>>().join(", ")),
    }
}
