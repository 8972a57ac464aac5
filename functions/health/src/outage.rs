//! Whether it is one connection that does not answer, or hardly any.

use crate::Found;

/// Fewer than these say nothing about the others.
const SEVERAL: usize = 2;

/// What did not answer, if it is Entra ID or Dataverse as a whole. What is broken says nothing
/// either way.
pub(crate) fn outage<'a>(found: impl IntoIterator<Item = &'a Found>) -> Option<Outage> {
    let mut answered = 0;
    let mut details: Vec<(&str, usize)> = Vec::new();
    let mut unanswered = 0;
    for found in found {
        match found {
            Found::Unanswered { detail, .. } => {
                unanswered += 1;
                match details.iter_mut().find(|(known, _)| known == detail) {
                    Some((_, count)) => *count += 1,
                    None => details.push((detail, 1)),
                }
            }
            found if found.is_answer() => answered += 1,
            _ => {}
        }
    }
    let of = answered + unanswered;
    // Four of five: one that answers may have had its answer just before.
    if unanswered < SEVERAL || unanswered * 5 < of * 4 {
        return None;
    }
    details.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let detail = details.first().map(|(detail, _)| (*detail).to_owned()).unwrap_or_default();
    Some(Outage { unanswered, of, detail })
}

/// That hardly any connection answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// How many do not.
    pub(crate) unanswered: usize,
    /// Of how many that somebody could have heard from.
    pub(crate) of: usize,
    /// What did not answer, mostly.
    pub(crate) detail: String,
}

#[cfg(test)]
mod tests {
    use state::SecretExpiry;

    use super::*;
    use crate::Fault;

    fn silent(detail: &str) -> Found {
        Found::Unanswered { detail: detail.to_owned(), fault: None }
    }

    fn found(works: usize, silent_ones: usize, broken: usize) -> Vec<Found> {
        let work = Found::Works { missing_privileges: Vec::new(), secret: SecretExpiry::Unknown };
        let fault = Fault { cause: "c".into(), step: None, detail: "d".into(), action: None };
        let mut all = vec![work; works];
        all.extend(vec![silent("Dynamics 365 did not answer"); silent_ones]);
        all.extend(vec![Found::Broken(fault); broken]);
        all
    }

    #[test]
    fn an_outage_is_when_nearly_all_of_several_do_not_answer() {
        for (works, silent, broken, expected) in [
            (0, 0, 0, false),
            (0, 1, 0, false),
            (0, 1, 5, false),
            (0, 2, 0, true),
            (1, 2, 0, false),
            (1, 4, 0, true),
            (2, 4, 0, false),
            (10, 40, 0, true),
            (0, 2, 8, true),
        ] {
            let outage = outage(&found(works, silent, broken));
            assert_eq!(outage.is_some(), expected, "{works} {silent} {broken}");
        }
    }

    #[test]
    fn an_outage_says_what_mostly_did_not_answer() {
        let all = [silent("Dynamics"), silent("Entra"), silent("Entra")];
        let expected = Outage { unanswered: 3, of: 3, detail: "Entra".to_owned() };
        assert_eq!(outage(&all), Some(expected));
    }
}
