//! Reads the headers `Prefer` and `Accept`.

use http::{HeaderMap, StatusCode, header};

use super::error::ApiError;
use super::prefer::{annotation_wanted, preferences};

/// The most rows in one answer.
pub(crate) const PAGE_SIZE_LIMIT: usize = 5_000;

/// The preferences of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preferences {
    /// `return=representation`.
    pub(crate) representation: bool,
    /// `odata.maxpagesize`, at most 5,000.
    pub(crate) page_size: Option<usize>,
    /// `odata.track-changes`.
    pub(crate) track_changes: bool,
    /// The annotations to write.
    pub(crate) annotations: Annotations,
    /// The preferences to repeat in `Preference-Applied`.
    pub(crate) applied: Vec<String>,
}

/// The annotations that `odata.include-annotations` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Annotations {
    /// `OData.Community.Display.V1.FormattedValue`
    pub(crate) formatted_value: bool,
    /// `Microsoft.Dynamics.CRM.lookuplogicalname`
    pub(crate) lookup_logical_name: bool,
    /// `Microsoft.Dynamics.CRM.associatednavigationproperty`
    pub(crate) associated_navigation_property: bool,
    /// `Microsoft.Dynamics.CRM.totalrecordcount`
    pub(crate) total_record_count: bool,
    /// `Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded`
    pub(crate) total_record_count_limit_exceeded: bool,
    /// `Microsoft.Dynamics.CRM.globalmetadataversion`
    pub(crate) global_metadata_version: bool,
    /// `OData.Community.Display.V1.AttributeName`
    pub(crate) attribute_name: bool,
    /// `Microsoft.Dynamics.CRM.fetchxmlpagingcookie`
    pub(crate) fetch_xml_paging_cookie: bool,
    /// `Microsoft.Dynamics.CRM.morerecords`
    pub(crate) more_records: bool,
}

impl Annotations {
    /// Whether any annotation is wanted.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

impl Preferences {
    /// Reads the headers. As usual for preferences, unknown and malformed ones are ignored.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        for preference in preferences(headers) {
            let (name, value) = preference.split_once('=').unwrap_or((&preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "return" if value == "representation" => read.representation = true,
                "odata.maxpagesize" | "maxpagesize" => {
                    match value.parse().ok().filter(|size| *size > 0) {
                        Some(size) => read.page_size = Some(PAGE_SIZE_LIMIT.min(size)),
                        None => continue,
                    }
                }
                "odata.track-changes" | "track-changes" => {
                    read.track_changes = true;
                    continue;
                }
                "odata.include-annotations" | "include-annotations" => {}
                _ => continue,
            }
            read.applied.push(preference);
        }
        let wanted = |name: &str| annotation_wanted(headers, name);
        read.annotations = Annotations {
            formatted_value: wanted("OData.Community.Display.V1.FormattedValue"),
            lookup_logical_name: wanted("Microsoft.Dynamics.CRM.lookuplogicalname"),
            associated_navigation_property: wanted(
                "Microsoft.Dynamics.CRM.associatednavigationproperty",
            ),
            total_record_count: wanted("Microsoft.Dynamics.CRM.totalrecordcount"),
            total_record_count_limit_exceeded: wanted(
                "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded",
            ),
            global_metadata_version: wanted("Microsoft.Dynamics.CRM.globalmetadataversion"),
            attribute_name: wanted("OData.Community.Display.V1.AttributeName"),
            fetch_xml_paging_cookie: wanted("Microsoft.Dynamics.CRM.fetchxmlpagingcookie"),
            more_records: wanted("Microsoft.Dynamics.CRM.morerecords"),
        };
        read
    }
}

/// How much control information the JSON contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MetadataLevel {
    /// Only what a client cannot work without.
    None,
    /// Context and ETags.
    #[default]
    Minimal,
    /// Also types and links.
    Full,
}

impl MetadataLevel {
    /// The content type of an answer with this level.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::None => "application/json; odata.metadata=none",
            Self::Minimal => "application/json; odata.metadata=minimal",
            Self::Full => "application/json; odata.metadata=full",
        }
    }

    /// Reads `Accept`. A client that accepts no JSON is refused, as by the OData library.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut offered = Vec::new();
        for value in headers.get_all(header::ACCEPT) {
            offered.extend(String::from_utf8_lossy(value.as_bytes()).split(',').map(str::to_owned));
        }
        let mut refused = false;
        for range in &offered {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            if !matches!(media.as_str(), "application/json" | "application/*" | "*/*" | "") {
                refused = true;
                continue;
            }
            let level = parts.find_map(|p| p.strip_prefix("odata.metadata="));
            return Ok(match level.map(|level| level.trim_matches('"')) {
                Some("none") => Self::None,
                Some("full") => Self::Full,
                _ => Self::Minimal,
            });
        }
        if refused {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                0,
                format!(
                    "A supported MIME type could not be found that matches the acceptable MIME \
                     types for the request. The supported type(s) 'application/json' do not match \
                     any of the acceptable MIME types '{}'.",
                    offered.join(",")
                ),
            ));
        }
        Ok(Self::Minimal)
    }
}
