//! A small picture for a cell of a table: the course of the sizes of Redis or media backups. The text in the next cell
//! tells the numbers, so the picture has no words and screen readers pass over it (`aria-hidden`).

use maud::{Markup, html};

use super::n;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 22.0;

/// More points than this are no more to be seen.
const POINTS_MAX: usize = 60;

/// Nothing is drawn of a single size, or of empty backups.
pub fn sparkline(sizes: &[u64]) -> Markup {
    let sizes = &sizes[sizes.len().saturating_sub(POINTS_MAX)..];
    let most = sizes.iter().copied().max().unwrap_or(0);
    if sizes.len() < 2 || most == 0 {
        return html! {};
    }
    let step = (WIDTH - 6.0) / (sizes.len() - 1) as f64;
    let place = |(at, bytes): (usize, &u64)| {
        let part = *bytes as f64 / most as f64;
        (3.0 + step * at as f64, HEIGHT - 3.0 - part * (HEIGHT - 6.0))
    };
    let places: Vec<(f64, f64)> = sizes.iter().enumerate().map(place).collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
    let (x, y) = places.last().copied().unwrap_or_default();
    html! {
        svg class="spark" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" {
            polyline class="course" points=(points.join(" ")) {}
            circle class="point" cx=(n(x)) cy=(n(y)) r="2.5" {}
        }
    }
}
