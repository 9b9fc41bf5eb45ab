//! Made-up input for unit tests: what is to hold for every history is tried on thousands of them, the same each time,
//! and one for which it does not hold is made as small as it gets before it is shown (the crate `proptest`).

use std::vec::IntoIter;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The numbers that an input is made of.
pub(crate) struct Numbers {
    drawn: IntoIter<u64>,
}

impl Numbers {
    /// Less than `limit`, which is at least 1. Where all numbers are used up it is the largest one: makers of input let
    /// the rare thing happen at 0, so an input of few numbers is a plain one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.drawn.next().map_or(limit - 1, |number| number % limit)
    }

    pub(crate) fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }

    /// Small ones as often as large ones.
    pub(crate) fn of_any_size(&mut self, bits: u32) -> u64 {
        let bits = self.below(u64::from(bits)) as u32;
        (1 << bits) + self.below(1 << bits.min(31))
    }
}

/// Has `holds` try that many inputs, each of at most `numbers` numbers. It panics where something does not hold.
pub(crate) fn each(cases: u32, numbers: usize, holds: impl Fn(&mut Numbers)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, chance);
    let tried = runner.run(&vec(any::<u64>(), 0..=numbers), |drawn| {
        holds(&mut Numbers { drawn: drawn.into_iter() });
        Ok(())
    });
    tried.unwrap_or_else(|failed| panic!("{failed}"));
}

#[test]
fn what_does_not_hold_is_made_small() {
    let tried = std::cell::RefCell::new(Vec::new());
    let all_fail = || {
        each(100, 50, |numbers| {
            let sum: u64 = (0..3).map(|_| numbers.below(100)).sum();
            tried.borrow_mut().push(sum);
            assert!(sum < 120, "the sum is too large");
        });
    };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(all_fail)).unwrap_err();
    let said = panicked.downcast::<String>().unwrap();
    assert!(said.contains("the sum is too large"), "{said}");
    // No number is needed: those that are not there are large.
    assert!(said.contains("minimal failing input: []"), "{said}");
}
