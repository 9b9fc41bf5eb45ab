//! Every content of a snapshot, and where it lies: in the memory here, and as a list in a repository in `stored_list`.

mod stored_list;

use std::collections::{HashMap, HashSet};

use super::SMALL;
use super::set_listing::Listing;
use crate::codec::Digest;
use crate::media_backup::{Damage, SnapshotDescription};

/// Where a content lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentPlace {
    /// The number of its object.
    pub object: u32,
    /// Where its bytes begin there, and how many they are.
    pub offset: u64,
    pub stored_size: u64,
    /// Plain length in bytes.
    pub size: u64,
    /// How many files of the snapshot have it.
    pub used: u32,
}

/// An object that holds contents, beside the description of this or an earlier snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    pub snapshot: String,
    pub object: String,
}

/// Every content of a snapshot, by digest, and where it lies. Some 100 bytes of memory for each.
#[derive(Debug, Default)]
pub struct PackedContents {
    holders: Vec<Holder>,
    numbers: HashMap<Holder, u32>,
    /// Of the objects that a description names, in bytes.
    lengths: Vec<u64>,
    places: HashMap<Digest, ContentPlace>,
    /// Lengths of the contents that are longer than [`SMALL`].
    sizes: HashSet<u64>,
}

impl PackedContents {
    pub fn get(&self, digest: &Digest) -> Option<&ContentPlace> {
        self.places.get(digest)
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.places.contains_key(digest)
    }

    /// Whether there is one of this length, which is more than `SMALL`.
    pub fn has_size(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// One file more has it. False when nobody knows it.
    pub fn take(&mut self, digest: &Digest) -> bool {
        let place = self.places.get_mut(digest);
        place.map(|place| place.used = place.used.saturating_add(1)).is_some()
    }

    /// One file less has it.
    pub fn give_back(&mut self, digest: &Digest) {
        if let Some(place) = self.places.get_mut(digest) {
            place.used = place.used.saturating_sub(1);
        }
    }

    pub fn add(&mut self, digest: Digest, place: ContentPlace) {
        if place.size > SMALL {
            self.sizes.insert(place.size);
        }
        self.places.insert(digest, place);
    }

    pub fn holder(&self, number: u32) -> Option<&Holder> {
        self.holders.get(usize::try_from(number).ok()?)
    }

    /// Length of an object as the description says, in bytes.
    pub fn length(&self, number: u32) -> u64 {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.lengths.get(number).copied().unwrap_or(0)
    }

    /// The number of an object that has one.
    pub(super) fn number_of(&self, holder: &Holder) -> Option<u32> {
        self.numbers.get(holder).copied()
    }

    /// The number of an object, for places in it.
    pub fn number(&mut self, holder: Holder) -> u32 {
        if let Some(number) = self.number_of(&holder) {
            return number;
        }
        let number = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        self.holders.push(holder.clone());
        self.numbers.insert(holder, number);
        number
    }

    /// Leaves out what lies in objects that are not there as the description says.
    pub(super) fn keep_those_in(&mut self, listing: &Listing, description: &SnapshotDescription) {
        let there: HashSet<Holder> = description
            .all_objects()
            .filter(|(id, stored)| listing.has(id, &stored.object, stored.stored_size))
            .map(|(id, stored)| Holder { snapshot: id.to_owned(), object: stored.object.clone() })
            .collect();
        let there: Vec<bool> = self.holders.iter().map(|holder| there.contains(holder)).collect();
        let is_there = |number: u32| usize::try_from(number).is_ok_and(|it| there[it]);
        self.places.retain(|_, place| is_there(place.object));
    }

    /// Leaves out what lies in objects that are known to be damaged.
    pub(super) fn leave_out(&mut self, damage: &Damage) {
        if damage.all {
            self.places.clear();
        }
        let is_damaged = |holder: &Holder| {
            damage.objects.contains(&format!("{}/{}", holder.snapshot, holder.object))
        };
        let damaged: Vec<bool> = self.holders.iter().map(is_damaged).collect();
        let is_good = |number: u32| usize::try_from(number).is_ok_and(|it| !damaged[it]);
        self.places.retain(|_, place| is_good(place.object));
    }

    /// All places with their digests, object by object as they lie.
    pub fn in_order(&self) -> Vec<(Digest, ContentPlace)> {
        let mut all: Vec<_> = self.places.iter().map(|(digest, place)| (*digest, *place)).collect();
        all.sort_unstable_by_key(|(_, place)| (place.object, place.offset));
        all
    }

    /// The objects of which some file has content.
    pub fn holders_in_use(&self) -> impl Iterator<Item = &Holder> {
        let mut in_use = vec![false; self.holders.len()];
        for place in self.places.values().filter(|place| place.used > 0) {
            if let Some(one) = usize::try_from(place.object).ok().and_then(|it| in_use.get_mut(it))
            {
                *one = true;
            }
        }
        self.holders.iter().zip(in_use).filter(|(_, used)| *used).map(|(holder, _)| holder)
    }
}
