//! The page in a real browser: light, dark, on a phone and on paper.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::scene::Past;
use crate::support::browser::Browser;
use crate::support::place::Place;

/// Wider than the window: what is, and is not inside something that scrolls by itself.
const TOO_WIDE: &str = "(() => { const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll('main *')].filter(it => !it.closest('.scroll') && !it.closest('svg')
        && it.getBoundingClientRect().right > width + 1).map(it => it.tagName + ' ' + it.className);
    if (document.documentElement.scrollWidth > width) wide.push('the page');
    return wide; })()";

/// Tables that have to be scrolled to be read.
const CUT: &str =
    "[...document.querySelectorAll('.scroll')].filter(it => it.scrollWidth > it.clientWidth + 1)
    .map(it => it.textContent.slice(0, 60))";

/// Texts in pictures that stick out of them, or lie on one another.
const LABELS: &str = "(() => { const bad = [], of = svg => (svg.closest('main').dataset.of || '') + svg.querySelector('title').id + ': ';
    for (const svg of document.querySelectorAll('svg[role=img]')) {
        const paper = svg.getBoundingClientRect(); if (!paper.width) continue;
        const boxes = [...svg.querySelectorAll('text')].map(it => [it.textContent, it.getBoundingClientRect()]);
        for (const [text, box] of boxes)
            if (box.left < paper.left - 1 || box.right > paper.right + 1 || box.bottom > paper.bottom + 1 || box.top < paper.top - 1)
                bad.push(of(svg) + text + ' sticks out');
        boxes.forEach(([text, a], at) => boxes.slice(at + 1).forEach(([other, b]) => {
            if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
                bad.push(of(svg) + text + ' lies on ' + other); }));
    }
    return bad; })()";

/// Texts whose contrast with the paper is below 4.5 (WCAG 2.2, 1.4.3).
const PALE: &str = "(() => { const luminance = colour => { const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(it => {
        const c = it / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; };
    const paper = luminance(getComputedStyle(document.body).backgroundColor);
    const pale = new Set();
    for (const it of document.querySelectorAll('main *')) {
        const own = [...it.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        if (!own || ['title', 'desc'].includes(it.tagName)) continue;
        const style = getComputedStyle(it);
        const ink = luminance(it.tagName === 'text' ? style.fill : style.color);
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (contrast < 4.5) pale.add(it.tagName + ' ' + (it.getAttribute('class') || '') + ' ' + contrast.toFixed(1));
    }
    return [...pale]; })()";

/// Letters smaller than this are not read on a phone.
const SMALL: &str = "[...document.querySelectorAll('svg[role=img] text')].filter(it => it.getBoundingClientRect().width)
    .map(it => parseFloat(getComputedStyle(it).fontSize) * it.getScreenCTM().a).filter(it => it < 10.5).length";

#[test]
fn a_browser_shows_it_light_dark_on_a_phone_and_on_paper() {
    let past = Past::new().eventful();
    let page = past.laid.place.folder("pages").join("page.html");
    past.report(page.to_str().expect("plain")).run().expect(0);
    let mut browser = Browser::start(&past.laid.place);
    let mut pictures = Vec::new();
    for (name, width, scheme, phone) in [
        ("light", 1200, "light", false),
        ("dark", 1200, "dark", false),
        ("phone", 390, "light", true),
    ] {
        browser.look(width, 900, scheme, phone);
        browser.open(&page);
        let nothing = json!([]);
        for question in [TOO_WIDE, LABELS, PALE] {
            assert_eq!(browser.evaluate(question), nothing, "{name}");
        }
        assert_eq!(browser.evaluate(SMALL), json!(0), "{name}");
        assert_eq!(
            browser.evaluate("document.querySelectorAll('svg[role=img]').length"),
            json!(10)
        );
        let shown = "[...document.querySelectorAll('svg[role=img]')].filter(it => it.getBoundingClientRect().width).length";
        assert_eq!(browser.evaluate(shown), json!(5), "{name}");
        let paper = browser.evaluate("getComputedStyle(document.body).backgroundColor");
        let expected = if scheme == "dark" { "rgb(20, 24, 27)" } else { "rgb(255, 255, 255)" };
        assert_eq!(paper, Value::from(expected), "{name}");
        pictures.push((format!("{name}.png"), browser.screenshot()));
    }
    let paper = browser.pdf();
    assert!(paper.starts_with(b"%PDF") && paper.len() > 20_000, "{} bytes", paper.len());
    pictures.push(("paper.pdf".to_owned(), paper));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    for (name, bytes) in &pictures {
        // What shows nothing is small.
        assert!(bytes.len() > 20_000, "{name} has {} bytes", bytes.len());
        keep(name, bytes);
    }
}

/// Whatever lies there, nothing is cut off, lies on something else or is too pale.
#[test]
fn every_past_fits_on_its_page() {
    let place = Place::new();
    let mut browser = Browser::start(&place);
    for (name, past) in [
        ("empty", Past::new().empty()),
        ("young", Past::new().young()),
        ("failing", Past::new().failing()),
        ("long", Past::new().long()),
        ("rich", Past::new().rich()),
    ] {
        let page = past.laid.place.folder("pages").join("page.html");
        past.report(page.to_str().expect("plain")).run().expect(0);
        for (kind, width, scheme, phone) in [
            ("light", 1200, "light", false),
            ("dark", 1200, "dark", false),
            ("phone", 390, "light", true),
        ] {
            browser.look(width, 900, scheme, phone);
            browser.open(&page);
            for question in [TOO_WIDE, CUT, LABELS, PALE] {
                assert_eq!(browser.evaluate(question), json!([]), "{name}, {kind}");
            }
            assert_eq!(browser.evaluate(SMALL), json!(0), "{name}, {kind}");
            keep(&format!("{name}-{kind}.png"), &browser.screenshot());
        }
        keep(&format!("{name}.pdf"), &browser.pdf());
    }
}

/// Moments at which dates are long or change: at midnight and beside it, at ends of years and months, on leap days, where
/// clocks are changed somewhere, with one digit and with two, in months with wide names.
const MOMENTS: [&str; 16] = [
    "2026-11-29T20:15:00Z",
    "2026-12-09T00:00:00Z",
    "2026-12-31T23:59:58Z",
    "2027-01-01T00:00:10Z",
    "2027-01-14T23:59:01Z",
    "2027-02-28T12:00:00Z",
    "2027-03-15T06:30:00Z",
    "2027-03-28T01:00:00Z",
    "2027-05-30T23:00:00Z",
    "2027-06-01T00:59:59Z",
    "2027-08-31T18:20:00Z",
    "2027-09-10T09:10:00Z",
    "2027-10-31T01:00:00Z",
    "2027-11-07T05:00:00Z",
    "2028-02-29T22:22:22Z",
    "2028-03-01T00:00:01Z",
];

/// As a browser measures. That every day is like these is shown where the pictures are drawn.
#[test]
fn hard_days_fit_on_their_pages() {
    let place = Place::new();
    let pages = MOMENTS.iter().enumerate().flat_map(|(at, moment)| {
        let past = || Past::at(moment.parse().expect("a moment"));
        let mut pasts =
            vec![("young", past().young()), ("failing", past().failing()), ("rich", past().rich())];
        if at % 5 == 0 {
            pasts.push(("long", past().long()));
        }
        pasts.into_iter().map(move |(name, past)| (format!("{name}, {moment}: "), past.html()))
    });
    let pages: Vec<(String, String)> = pages.collect();
    let (head, _) = pages[0].1.split_once("<main>").expect("a page");
    let marked = |(name, page): &(String, String)| {
        let (_, main) = page.split_once("<main>").expect("a page");
        let (main, _) = main.split_once("</main>").expect("a page");
        format!("<main data-of=\"{name}\">{main}</main>")
    };
    let all: String = pages.iter().map(marked).collect();
    let file = place.file("page.html", format!("{head}{all}</body></html>"));
    let mut browser = Browser::start(&place);
    for (kind, width, phone) in [("light", 1200, false), ("phone", 390, true)] {
        browser.look(width, 900, "light", phone);
        browser.open(&file);
        for question in [TOO_WIDE, CUT, LABELS] {
            assert_eq!(browser.evaluate(question), json!([]), "{kind}");
        }
        assert_eq!(browser.evaluate(SMALL), json!(0), "{kind}");
    }
}

/// For people to look at, where this variable names a folder.
fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("SEAWALL_TESTS_SCREENSHOTS") {
        fs::write(PathBuf::from(folder).join(name), bytes).expect("a folder to write to");
    }
}

/// What a browser of another kind would run is not run: the policy of the page forbids it.
#[test]
fn the_policy_forbids_scripts() {
    let past = Past::new();
    past.wal(1, 1..=2, 60, 60);
    let (page, _) = past.page();
    let with_script = page.replace("<body>", "<body><script>document.title = 'run'</script>");
    let file = past.laid.place.file("page.html", with_script);
    let mut browser = Browser::start(&past.laid.place);
    browser.open(&file);
    assert_eq!(browser.evaluate("document.title"), json!("Seawall: main"));
    assert!(browser.complaints().iter().any(|it| it.contains("Content Security Policy")));
}
