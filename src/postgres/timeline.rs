use std::fmt;

/// The number of a timeline, 1 and up. It is the first eight hexadecimal digits of every WAL file
/// name (PostgreSQL documentation, "Timelines").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineId(u32);

impl TimelineId {
    /// `None` for 0, which PostgreSQL never uses for a timeline.
    pub fn new(number: u32) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    pub fn number(self) -> u32 {
        self.0
    }
}

/// As in a file name: eight upper-case hexadecimal digits.
impl fmt::Display for TimelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}
