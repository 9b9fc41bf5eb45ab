//! What several fuzz targets need.

/// The bytes in pieces whose lengths the seed decides.
pub fn pieces(mut bytes: &[u8], seed: [u8; 2]) -> impl Iterator<Item = &[u8]> {
    let mut seed = u16::from_le_bytes(seed);
    std::iter::from_fn(move || {
        seed = seed.wrapping_mul(25_173).wrapping_add(13_849);
        let length = usize::from(seed >> 4).max(1).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// An object whose name is a path, or would be taken for something else, must not come through.
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != ".."
}
