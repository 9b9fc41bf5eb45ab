//! The upright axis of a picture: values become heights, with faint lines and names at a few round steps. Steps are
//! round in the unit that they are shown in, so times and bytes have rules of their own.

use maud::{Markup, html};

use super::labels::{Labels, TextAnchor, TextStyle};
use super::n;

/// Between the names of the values and the axis.
const APART: f64 = 6.0;

/// An upright axis from nothing to `most`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeightAxis {
    pub most: f64,
    pub top: f64,
    pub bottom: f64,
}

impl HeightAxis {
    pub(crate) fn y(&self, value: f64) -> f64 {
        let part = if self.most > 0.0 { (value / self.most).clamp(0.0, 1.0) } else { 0.0 };
        self.bottom - part * (self.bottom - self.top)
    }

    /// Faint lines at these values, named at the left.
    pub(super) fn draw(
        &self,
        labels: &mut Labels,
        values: &[(f64, String)],
        left: f64,
        right: f64,
    ) -> Markup {
        for (value, name) in values {
            labels.write(
                TextStyle::Mark,
                TextAnchor::End,
                left - APART,
                self.y(*value) + 4.0,
                name,
            );
        }
        html! {
            @for (value, _) in values {
                @let y = n(self.y(*value));
                line class="grid" x1=(n(left)) x2=(n(right)) y1=(y) y2=(y) {}
            }
        }
    }

    /// What was promised, as a dashed line; what it is called stands above the picture, at the left.
    pub(crate) fn objective(
        &self,
        labels: &mut Labels,
        value: f64,
        name: &str,
        left: f64,
        right: f64,
    ) -> Markup {
        let y = self.y(value);
        labels.write(TextStyle::Promise, TextAnchor::Start, left + 30.0, 13.0, name);
        html! {
            // On bars it would not be seen without an edge.
            line class="edge" x1=(n(left)) x2=(n(right)) y1=(n(y)) y2=(n(y)) {}
            line class="objective" x1=(n(left)) x2=(n(right)) y1=(n(y)) y2=(n(y)) {}
            line class="objective" x1=(n(left)) x2=(n(left + 24.0)) y1="9" y2="9" {}
        }
    }
}

/// Where the axis stands at the left: at `least`, or further inside, where names of its values need it.
pub(crate) fn left(values: &[(f64, String)], least: f64) -> f64 {
    let widths = values.iter().map(|(_, name)| TextStyle::Mark.width(name));
    widths.fold(least, |most, width| most.max(width + APART + 1.0))
}

/// Steps of an axis in seconds.
const SECONDS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0,
    14_400.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0,
];

/// At most three times up to `most` seconds, round in the unit that they are shown in.
pub(super) fn round_times(most: f64) -> Vec<f64> {
    let days = |most: f64| (most / 3.0 / 86_400.0).ceil().max(1.0) * 86_400.0;
    let step = SECONDS.into_iter().find(|step| *step * 3.0 >= most).unwrap_or_else(|| days(most));
    multiples(step, most)
}

/// At most three sizes up to `most` bytes, round in the unit that they are shown in.
pub(super) fn round_sizes(most: f64) -> Vec<f64> {
    let mut unit = 1.0;
    while most / unit >= 1024.0 {
        unit *= 1024.0;
    }
    let rough = (most / unit / 3.0).max(0.1);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|it| it * power).into_iter().find(|step| *step >= rough);
    multiples(step.unwrap_or(10.0 * power) * unit, most)
}

fn multiples(step: f64, most: f64) -> Vec<f64> {
    let all = (1..=3).map(|count| step * f64::from(count));
    all.filter(|value| *value <= most * 1.001).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_in_their_units() {
        assert_eq!(round_times(600.0), [300.0, 600.0]);
        assert_eq!(round_times(65.0), [30.0, 60.0]);
        assert_eq!(round_times(9.0 * 86_400.0), [3.0, 6.0, 9.0].map(|days| days * 86_400.0));
        assert_eq!(round_sizes(3.5 * 1024.0), [2048.0]);
        assert_eq!(round_sizes(700.0), [500.0]);
        assert_eq!((round_times(0.0), round_sizes(0.0)), (vec![], vec![]));
    }

    #[test]
    fn heights_stay_on_the_paper() {
        let heights = HeightAxis { most: 10.0, top: 5.0, bottom: 25.0 };
        assert_eq!([0.0, 5.0, 10.0, 99.0].map(|value| heights.y(value)), [25.0, 15.0, 5.0, 5.0]);
        assert_eq!(HeightAxis { most: 0.0, ..heights }.y(3.0), 25.0);
    }
}
