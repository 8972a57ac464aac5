//! The records that an answer is about.

use uuid::Uuid;

/// Records that an answer shows. They list their ids, which the activity log needs.
pub trait Records {
    /// Adds the ids of the records to `found`, each only once. The id of an outer record comes
    /// before the ids of the records inside it.
    fn add_to(&self, found: &mut Vec<Uuid>);
}

impl Records for Uuid {
    fn add_to(&self, found: &mut Vec<Uuid>) {
        if !found.contains(self) {
            found.push(*self);
        }
    }
}

impl<T: Records> Records for Option<T> {
    fn add_to(&self, found: &mut Vec<Uuid>) {
        self.iter().for_each(|one| one.add_to(found));
    }
}

impl<T: Records> Records for Vec<T> {
    fn add_to(&self, found: &mut Vec<Uuid>) {
        self.iter().for_each(|one| one.add_to(found));
    }
}

/// Implements [`Records`](crate::about::Records) for a struct: it adds the ids of the named
/// members, in this order.
#[macro_export]
macro_rules! records {
    ($name:ident: $($member:ident),*) => {
        impl $crate::about::Records for $name {
            fn add_to(&self, found: &mut Vec<uuid::Uuid>) {
                $($crate::about::Records::add_to(&self.$member, found);)*
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Outer {
        id: Uuid,
        within: Vec<Option<Uuid>>,
    }

    crate::records!(Outer: id, within);

    #[test]
    fn each_is_named_once_the_outer_one_first() {
        let id = Uuid::from_u128;
        let outer = Outer { id: id(1), within: vec![Some(id(3)), None, Some(id(1)), Some(id(2))] };
        let mut found = Vec::new();
        Some(outer).add_to(&mut found);
        assert_eq!(found, [id(1), id(3), id(2)]);
    }
}
