//! Finds outages: hardly any connection answers, or hardly any of one region.

use std::collections::{BTreeMap, BTreeSet};

use auth::health::Finding;
use url::{Host, Url};

/// How many connections must fail to answer before there is an outage. In a region it takes more,
/// because two that belong together (a company's sandbox and its production) may well go down
/// together.
const SEVERAL: usize = 2;
const SEVERAL_OF_A_REGION: usize = 5;

/// An outage: hardly any connection answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// The region; `None` if Entra ID or Dataverse does not answer as a whole.
    pub(crate) region: Option<String>,
    /// How many connections did not answer.
    pub(crate) unanswered: usize,
    /// How many connections either answered or did not; broken ones do not count.
    pub(crate) of: usize,
    /// What did not answer in most of the looks.
    pub(crate) detail: String,
}

/// What the looks say about Dataverse as a whole and about its regions.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    all: Option<Outage>,
    /// The outages of single regions; empty if there is one of all regions.
    regions: BTreeMap<String, Outage>,
    answered: BTreeSet<String>,
}

/// The region of an environment: its host without the organization's own name, such as
/// `crm4.dynamics.com`. Microsoft gives each region a domain of its own.
pub(crate) fn region(instance_url: &str) -> String {
    let url = Url::parse(instance_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(host)) => {
            let domain = host.split_once('.').map(|(_, domain)| domain);
            domain.filter(|domain| domain.contains('.')).unwrap_or(host).to_owned()
        }
        Some(address) => address.to_string(),
        None => String::new(),
    }
}

impl Outages {
    /// What these looks say together. Each has the region of its connection.
    pub(crate) fn of<'a>(looks: impl IntoIterator<Item = (&'a str, &'a Finding)>) -> Outages {
        let mut all = Count::default();
        let mut regions: BTreeMap<&str, Count<'_>> = BTreeMap::new();
        for (region, found) in looks {
            all.add(found);
            regions.entry(region).or_default().add(found);
        }
        let answered = regions.iter().filter(|(_, count)| count.answered > 0);
        let answered = answered.map(|(region, _)| (*region).to_owned()).collect();
        let all = all.outage(SEVERAL, None);
        let down = |(region, count): (&str, Count<'_>)| {
            let outage = count.outage(SEVERAL_OF_A_REGION, Some(region))?;
            Some((region.to_owned(), outage))
        };
        let regions = if all.is_some() {
            BTreeMap::new()
        } else {
            regions.into_iter().filter_map(down).collect()
        };
        Outages { all, regions, answered }
    }

    /// Whether connections of this region cannot be expected to answer.
    pub(crate) fn cover(&self, region: &str) -> bool {
        self.all.is_some() || self.regions.contains_key(region)
    }

    /// All outages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outage> {
        self.all.iter().chain(self.regions.values())
    }

    /// Whether any connection answered, in this region if one is given.
    pub(crate) fn is_answered(&self, region: Option<&str>) -> bool {
        match region {
            Some(region) => self.answered.contains(region),
            None => !self.answered.is_empty(),
        }
    }
}

/// How many connections answered, and how many did not. Broken ones say nothing either way.
#[derive(Default)]
struct Count<'a> {
    answered: usize,
    unanswered: usize,
    details: Vec<(&'a str, usize)>,
}

impl<'a> Count<'a> {
    fn add(&mut self, found: &'a Finding) {
        match found {
            Finding::Unanswered { detail, .. } => {
                self.unanswered += 1;
                let is_room = self.details.len() < DETAILS;
                match self.details.iter_mut().find(|(known, _)| known == detail) {
                    Some((_, count)) => *count += 1,
                    None if is_room => self.details.push((detail, 1)),
                    None => {}
                }
            }
            found if found.is_answer() => self.answered += 1,
            _ => {}
        }
    }

    fn outage(mut self, several: usize, region: Option<&str>) -> Option<Outage> {
        let (unanswered, of) = (self.unanswered, self.answered + self.unanswered);
        // Four of five must be silent: one that answers may have done so just before the outage.
        if unanswered < several || unanswered * 5 < of * 4 {
            return None;
        }
        self.details.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let detail = self.details.first().map(|(detail, _)| (*detail).to_owned());
        let region = region.map(str::to_owned);
        Some(Outage { region, unanswered, of, detail: detail.unwrap_or_default() })
    }
}

/// How many different details are told apart.
const DETAILS: usize = 20;

#[cfg(test)]
mod tests {
    use auth::SecretExpiry;
    use auth::health::Fault;

    use super::*;

    fn silent(detail: &str) -> Finding {
        Finding::Unanswered { detail: detail.to_owned(), fault: None }
    }

    fn found(works: usize, silent_ones: usize, broken: usize) -> Vec<Finding> {
        let work = Finding::Works { missing_privileges: Vec::new(), secret: SecretExpiry::Unknown };
        let fault = Fault { cause: "c".into(), step: None, detail: "d".into(), action: None };
        let mut all = vec![work; works];
        all.extend(vec![silent("Dynamics 365 did not answer"); silent_ones]);
        all.extend(vec![Finding::Broken(fault); broken]);
        all
    }

    fn of<'a>(regions: &'a [(&'a str, Vec<Finding>)]) -> Outages {
        let one =
            |(region, found): &'a (&'a str, Vec<Finding>)| found.iter().map(|it| (*region, it));
        Outages::of(regions.iter().flat_map(one))
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
            let looks = [("crm4", found(works, silent, broken))];
            assert_eq!(of(&looks).all.is_some(), expected, "{works} {silent} {broken}");
        }
    }

    #[test]
    fn an_outage_says_what_mostly_did_not_answer() {
        let looks = [("crm4", vec![silent("Dynamics"), silent("Entra"), silent("Entra")])];
        let all = Outage { region: None, unanswered: 3, of: 3, detail: "Entra".to_owned() };
        assert_eq!(of(&looks).all, Some(all));
    }

    #[test]
    fn a_region_is_down_when_nearly_all_of_many_of_it_do_not_answer() {
        for (works, silent, expected) in
            [(0, 4, false), (0, 5, true), (1, 5, true), (2, 5, false), (200, 1000, true)]
        {
            let looks = [("crm4", found(works, silent, 0)), ("crm", found(silent, 0, 1))];
            let outages = of(&looks);
            assert_eq!(outages.all, None);
            assert_eq!(outages.cover("crm4"), expected, "{works} {silent}");
            assert_eq!(outages.iter().count(), usize::from(expected));
            assert!(!outages.cover("crm"));
            assert_eq!(outages.is_answered(Some("crm4")), works > 0);
        }
    }

    #[test]
    fn where_all_are_down_no_region_is_named() {
        let looks = [("crm4", found(0, 10, 0)), ("crm", found(0, 10, 0)), ("crm9", found(1, 0, 0))];
        let outages = of(&looks);
        assert_eq!(outages.iter().map(|one| one.region.as_deref()).collect::<Vec<_>>(), [None]);
        assert!(outages.cover("crm4") && outages.cover("crm9"));
    }

    #[test]
    fn the_region_is_the_host_without_the_organizations_name() {
        for (url, expected) in [
            ("https://contoso.crm4.dynamics.com", "crm4.dynamics.com"),
            ("https://contoso.crm.dynamics.com/", "crm.dynamics.com"),
            ("https://contoso.crm.appsplatform.us", "crm.appsplatform.us"),
            ("http://127.0.0.2:3001", "127.0.0.2"),
            ("http://[::1]:3001", "[::1]"),
            ("http://localhost:3001", "localhost"),
            ("https://example.com", "example.com"),
            ("no address", ""),
        ] {
            assert_eq!(region(url), expected, "{url}");
        }
    }
}
