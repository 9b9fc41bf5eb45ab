//! How wide a text is at most, whatever sans-serif font the reader's system has: nothing is loaded, so it is not known
//! which. The widest of those that systems come with are DejaVu Sans and, for some capitals, Lato and Helvetica.

/// The size of all letters in pictures, as in the style sheet.
const SIZE: f64 = 12.0;

/// Letters by their widths in parts of the size: plain, then bold.
const WIDTHS: [(&str, f64, f64); 7] = [
    ("ijl", 0.28, 0.35),
    (" \u{a0},.I", 0.34, 0.40),
    ("frt-:/", 0.46, 0.50),
    ("cksvxyzJL", 0.60, 0.67),
    ("abdeghnopqu0123456789", 0.65, 0.72),
    ("wm", 0.98, 1.05),
    ("ABCDEFGHKNOPQRSTUVXYZ", 0.80, 0.86),
];

/// Of any other letter.
const WIDEST: (f64, f64) = (1.04, 1.11);

/// At most so many pixels.
pub fn width(text: &str, bold: bool) -> f64 {
    let of = |letter: char| {
        let known = WIDTHS.iter().find(|(letters, ..)| letters.contains(letter));
        let (plain, heavy) = known.map_or(WIDEST, |(_, plain, heavy)| (*plain, *heavy));
        if bold { heavy } else { plain }
    };
    text.chars().map(of).sum::<f64>() * SIZE
}
