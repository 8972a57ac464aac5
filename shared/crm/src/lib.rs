//! What the tool groups share of the CRM: references, labels, records as the tools show them.
