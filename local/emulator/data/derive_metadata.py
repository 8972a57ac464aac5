#!/usr/bin/env python3
"""Derives metadata.json from a Web API $metadata document and a table of column facts.

    derive_metadata.py METADATA.csdl.xml ENTITIES.json > metadata.json

Origin of the facts: names, types and navigation properties come from a real Dynamics 365 `$metadata`
document published by bcgov/embc-ess-mod under Apache-2.0; labels, lengths, required levels and option
values are facts from microsoft/CDM. Where both are silent, the tables below carry what Microsoft's
table reference says. See README.md beside this file.
"""
import json
import re
import sys
import xml.etree.ElementTree as ET

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"

# table: (schema name, label, plural label, object type code, owner, app, privilege name)
# `app` names the Dynamics 365 app that brings the table; "either" is there with Sales or with Customer Service.
TABLES = {
    "account": ("Account", "Account", "Accounts", 1, "user", None, "Account"),
    "contact": ("Contact", "Contact", "Contacts", 2, "user", None, "Contact"),
    "opportunity": ("Opportunity", "Opportunity", "Opportunities", 3, "user", "sales", "Opportunity"),
    "lead": ("Lead", "Lead", "Leads", 4, "user", "either", "Lead"),
    "annotation": ("Annotation", "Note", "Notes", 5, "user", None, "Note"),
    "systemuser": ("SystemUser", "User", "Users", 8, "business", None, "User"),
    "team": ("Team", "Team", "Teams", 9, "business", None, "Team"),
    "businessunit": ("BusinessUnit", "Business Unit", "Business Units", 10, "business", None, "BusinessUnit"),
    "incident": ("Incident", "Case", "Cases", 112, "user", "service", "Incident"),
    "competitor": ("Competitor", "Competitor", "Competitors", 123, "organization", "sales", "Competitor"),
    "subject": ("Subject", "Subject", "Subjects", 129, "organization", None, "Subject"),
    "activityparty": ("ActivityParty", "Activity Party", "Activity Parties", 135, "none", None, "Activity"),
    "organization": ("Organization", "Organization", "Organizations", 1019, "organization", None, "Organization"),
    "pricelevel": ("PriceLevel", "Price List", "Price Lists", 1022, "organization", "sales", "Product"),
    "product": ("Product", "Product", "Products", 1024, "organization", "sales", "Product"),
    "productpricelevel": ("ProductPriceLevel", "Price List Item", "Price List Items", 1026, "organization", "sales", "Product"),
    "role": ("Role", "Security Role", "Security Roles", 1036, "business", None, "Role"),
    "uom": ("UoM", "Unit", "Units", 1055, "organization", "sales", "Product"),
    "uomschedule": ("UoMSchedule", "Unit Group", "Unit Groups", 1056, "organization", "sales", "Product"),
    "opportunityproduct": ("OpportunityProduct", "Opportunity Product", "Opportunity Products", 1083, "none", "sales", "Opportunity"),
    "quote": ("Quote", "Quote", "Quotes", 1084, "user", "sales", "Quote"),
    "quotedetail": ("QuoteDetail", "Quote Product", "Quote Products", 1085, "none", "sales", "Quote"),
    "territory": ("Territory", "Territory", "Territories", 2013, "organization", None, "Territory"),
    "queue": ("Queue", "Queue", "Queues", 2020, "user", None, "Queue"),
    "activitypointer": ("ActivityPointer", "Activity", "Activities", 4200, "user", None, "Activity"),
    "appointment": ("Appointment", "Appointment", "Appointments", 4201, "user", None, "Activity"),
    "email": ("Email", "Email", "Email Messages", 4202, "user", None, "Activity"),
    "incidentresolution": ("IncidentResolution", "Case Resolution", "Case Resolutions", 4206, "user", "service", "Activity"),
    "opportunityclose": ("OpportunityClose", "Opportunity Close", "Opportunity Close Activities", 4208, "user", "sales", "Activity"),
    "phonecall": ("PhoneCall", "Phone Call", "Phone Calls", 4210, "user", None, "Activity"),
    "quoteclose": ("QuoteClose", "Quote Close", "Quote Close Activities", 4211, "user", "sales", "Activity"),
    "task": ("Task", "Task", "Tasks", 4212, "user", None, "Activity"),
    "processstage": ("ProcessStage", "Process Stage", "Process Stages", 4724, "none", None, "Workflow"),
    "transactioncurrency": ("TransactionCurrency", "Currency", "Currencies", 9105, "organization", None, "TransactionCurrency"),
    "phonetocaseprocess": ("PhoneToCaseProcess", "Phone to Case Process", "Phone to Case Processes", 952, "organization", "service", "PhoneToCaseProcess"),
    "opportunitysalesprocess": ("OpportunitySalesProcess", "Opportunity Sales Process", "Opportunity Sales Processes", 953, "organization", "sales", "OpportunitySalesProcess"),
    "leadtoopportunitysalesprocess": ("LeadToOpportunitySalesProcess", "Lead to Opportunity Sales Process", "Lead to Opportunity Sales Processes", 954, "organization", "sales", "LeadToOpportunitySalesProcess"),
    "principal": ("Principal", "Principal", "Principals", 7, "none", None, "User"),
}
KEYS = {"systemuser": "systemuserid", "team": "teamid"}
PRIMARY_NAMES = {
    "systemuser": "fullname", "team": "name", "businessunit": "name", "competitor": "name", "subject": "title",
    "role": "name", "territory": "name", "queue": "name", "processstage": "stagename",
    "phonetocaseprocess": "name", "opportunitysalesprocess": "name", "leadtoopportunitysalesprocess": "name",
    "activityparty": None, "productpricelevel": None, "principal": None,
}
ACTIVITY_LENGTHS = {
    "subject": 200, "description": 2000, "category": 250, "subcategory": 250, "phonenumber": 200, "location": 200,
    "sender": 250, "torecipients": 500, "messageid": 320, "trackingtoken": 50, "globalobjectid": 300,
    "submittedby": 250, "mimetype": 256, "exchangeweblink": 1250, "exchangeitemid": 200,
    "activityadditionalparams": 8192, "inreplyto": 320, "subscriptionid": None,
}
LONG_TEXT = {"description": 2000, "notetext": 100000, "documentbody": 1073741823}
ADDRESS_LENGTHS = {
    "line1": 250, "line2": 250, "line3": 250, "city": 80, "stateorprovince": 50, "postalcode": 20, "country": 80,
    "county": 50, "fax": 50, "name": 200, "postofficebox": 20, "primarycontactname": 100, "telephone1": 50,
    "telephone2": 50, "telephone3": 50, "upszone": 4, "composite": 1000,
}
ADDRESS_OPTIONS = {
    "addresstypecode": ["Bill To", "Ship To", "Primary", "Other"],
    "freighttermscode": ["FOB", "No Charge"],
    "shippingmethodcode": ["Airborne", "DHL", "FedEx", "UPS", "Postal Mail", "Full Load", "Will Call"],
}
ACTIVITY_OPTIONS = {
    "prioritycode": [[0, "Low"], [1, "Normal"], [2, "High"]],
    "deliveryprioritycode": [[0, "Low"], [1, "Normal"], [2, "High"]],
    "instancetypecode": [[0, "Not Recurring"], [1, "Recurring Master"], [2, "Recurring Instance"], [3, "Recurring Exception"], [4, "Recurring Future Exception"]],
}
POINTER_STATES = [[0, "Open"], [1, "Completed"], [2, "Canceled"], [3, "Scheduled"]]
POINTER_STATUSES = [[1, "Open", 0], [2, "Completed", 1], [3, "Canceled", 2], [4, "Scheduled", 3]]
PARTICIPATION = ["Sender", "To Recipient", "CC Recipient", "BCC Recipient", "Required attendee", "Optional attendee",
                 "Organizer", "Regarding", "Owner", "Resource", "Customer", "Chat Participant"]
SKIP_PRICE = [[0, "DoPriceCalcAlways"], [1, "SkipPriceCalcOnCreate"], [2, "SkipPriceCalcOnUpdate"], [3, "SkipPriceCalcOnUpSert"]]
BOOLEAN_LABELS = {
    "directioncode": ["Incoming", "Outgoing"], "isproductoverridden": ["Existing", "Write-In"],
    "ispriceoverridden": ["Use Default", "Override Price"], "donotemail": ["Allow", "Do Not Allow"],
    "donotphone": ["Allow", "Do Not Allow"], "donotfax": ["Allow", "Do Not Allow"],
    "donotpostalmail": ["Allow", "Do Not Allow"], "donotbulkemail": ["Allow", "Do Not Allow"],
    "donotbulkpostalmail": ["No", "Yes"], "followemail": ["Do Not Allow", "Allow"],
    "isrevenuesystemcalculated": ["User Provided", "System Calculated"], "isdisabled": ["Enabled", "Disabled"],
    "decisionmaker": ["mark complete", "completed"], "donotsendmm": ["Send", "Do Not Send"],
}
RANGES = {
    "closeprobability": [0, 100], "percentcomplete": [0, 100], "discountpercentage": [0, 100],
    "numberofemployees": [0, 1000000000], "revenue": [0, None], "manualdiscountamount": [0, None],
    "discountamount": [0, None], "freightamount": [0, None], "quantitydecimal": [0, 5], "price": [0, None],
    "numberofchildren": [0, 1000000000], "annualincome": [0, None], "creditlimit": [0, None],
    "quantity": [-100000000000, 100000000000], "timespent": [0, 2147483647], "estimatedamount": [0, None],
}
LABELS = {
    "createdon": "Created On", "modifiedon": "Modified On", "createdby": "Created By", "modifiedby": "Modified By",
    "createdonbehalfby": "Created By (Delegate)", "modifiedonbehalfby": "Modified By (Delegate)", "ownerid": "Owner",
    "owninguser": "Owning User", "owningteam": "Owning Team", "owningbusinessunit": "Owning Business Unit",
    "customerid": "Customer", "parentcustomerid": "Company Name", "primarycontactid": "Primary Contact",
    "parentaccountid": "Account", "parentcontactid": "Contact", "regardingobjectid": "Regarding",
    "transactioncurrencyid": "Currency", "versionnumber": "Version Number", "subject": "Subject",
    "overriddencreatedon": "Record Created On", "importsequencenumber": "Import Sequence Number",
    "scheduledstart": "Start Date", "scheduledend": "Due Date", "actualstart": "Actual Start", "actualend": "Actual End",
    "activityid": "Activity", "activitytypecode": "Activity Type", "description": "Description", "location": "Location",
    "pricelevelid": "Price List", "productid": "Product", "uomid": "Unit", "quoteid": "Quote",
    "opportunityid": "Opportunity", "incidentid": "Case", "objectid": "Regarding", "partyid": "Party",
    "originatingleadid": "Originating Lead", "parentproductid": "Parent", "defaultuomid": "Default Unit",
    "defaultuomscheduleid": "Unit Group", "uomscheduleid": "Unit Group", "businessunitid": "Business Unit",
    "preferredsystemuserid": "Preferred User", "responsiblecontactid": "Responsible Contact (Deprecated)",
    "subjectid": "Subject", "parentcaseid": "Parent Case", "phonenumber": "Phone Number", "directioncode": "Direction",
    "leftvoicemail": "Left Voice Mail", "sender": "From", "torecipients": "To Recipients", "prioritycode": "Priority",
    "addressused": "Address", "participationtypemask": "Participation Type", "senton": "Date Sent",
}
NEVER_WRITTEN = {
    "createdby", "modifiedby", "createdon", "modifiedon", "createdonbehalfby", "modifiedonbehalfby",
    "createdbyexternalparty", "modifiedbyexternalparty", "owninguser", "owningteam", "owningbusinessunit",
    "versionnumber", "exchangerate", "fullname", "yomifullname", "activitytypecode", "slainvokedid", "onholdtime",
    "lastonholdtime", "entityimage_timestamp", "entityimage_url", "merged", "isregularactivity", "sortdate",
}
NEVER_WRITTEN_OF = {
    "account": {"masterid", "openrevenue", "opendeals", "openrevenue_state", "openrevenue_date", "opendeals_state", "opendeals_date", "aging30", "aging60", "aging90"},
    "contact": {"masterid", "accountid", "parentcontactid", "aging30", "aging60", "aging90"},
    "lead": {"masterid", "accountid", "contactid", "estimatedvalue"},
    "incident": {"masterid", "accountid", "contactid", "numberofchildincidents", "isdecrementing"},
    "opportunity": {"accountid", "contactid", "totallineitemamount", "totalamountlessfreight", "totaldiscountamount", "totallineitemdiscountamount", "totaltax", "totalamount"},
    "quote": {"totallineitemamount", "totallineitemdiscountamount", "totaldiscountamount", "totalamountlessfreight", "totaltax", "totalamount", "accountid", "contactid", "revisionnumber"},
    "quotedetail": {"baseamount", "extendedamount", "volumediscountamount", "quotestatecode"},
    "opportunityproduct": {"baseamount", "extendedamount", "volumediscountamount", "opportunitystatecode"},
    "annotation": {"filesize", "objecttypecode"},
    "organization": {"organizationid", "name"},
    "activityparty": {"activitypartyid"},
    "systemuser": {"ownerid", "azureactivedirectoryobjectid", "organizationid"},
    "team": {"ownerid", "organizationid"},
}
ONLY_CREATED_OF = {"pricelevel": {"transactioncurrencyid"}, "quotedetail": {"transactioncurrencyid", "quoteid"}, "contact": {"originatingleadid"},
                   "account": {"originatingleadid"}, "incident": {"ticketnumber"}, "quote": {"quotenumber"}, "opportunityproduct": {"opportunityid"}}
INDEXED = {
    "emailaddress1", "emailaddress2", "emailaddress3", "name", "fullname", "subject", "title", "firstname", "lastname",
    "ticketnumber", "quotenumber", "productnumber", "accountnumber", "internalemailaddress", "domainname", "companyname",
    "isocurrencycode", "currencyname", "telephone1", "mobilephone", "websiteurl", "applicationid", "addressused",
    "azureactivedirectoryobjectid", "stagename", "emailaddress",
}
# Columns a customised organization might have added, so that customised organizations are seen to work.
CUSTOM = {
    "contact": [{"name": "new_loyaltytier", "type": "choice", "label": "Loyalty Tier", "options": [[100000000, "Bronze"], [100000001, "Silver"], [100000002, "Gold"]]},
                {"name": "new_externalid", "type": "string", "label": "External Id", "length": 100}],
    "account": [{"name": "new_supportplan", "type": "string", "label": "Support Plan", "length": 100}],
    "incident": [{"name": "new_transcripturl", "type": "string", "label": "Transcript Url", "length": 500}],
}


def bare(name):
    match = re.fullmatch(r"_(.+)_value", name)
    return match.group(1) if match else name


def guessed_label(name):
    address = re.fullmatch(r"address(\d)_(.+)", name)
    if address:
        return "Address %s: %s" % (address.group(1), address.group(2).capitalize())
    if name.endswith("id") and len(name) > 4:
        name = name[:-2]
    return name.replace("_", " ").strip().capitalize()


class Csdl:
    def __init__(self, path):
        self.types = {e.get("Name"): e for e in ET.parse(path).getroot().iter(EDM + "EntityType")}
        self.sets = {e.get("EntityType").split(".")[-1]: e.get("Name") for e in ET.parse(path).getroot().iter(EDM + "EntitySet")}

    def base(self, name):
        base = self.types[name].get("BaseType", "").split(".")[-1]
        return base if base in TABLES else None

    def lineage(self, name):
        base = self.base(name)
        return (self.lineage(base) if base else []) + [name]

    def properties(self, name):
        found = {}
        for table in self.lineage(name):
            for prop in self.types[table].findall(EDM + "Property"):
                found.setdefault(prop.get("Name"), prop.get("Type"))
        return found

    def navigations(self, name):
        found = {}
        for table in self.lineage(name):
            for nav in self.types[table].findall(EDM + "NavigationProperty"):
                constraint = nav.find(EDM + "ReferentialConstraint")
                many = nav.get("Type").startswith("Collection(")
                target = re.sub(r"Collection\(|\)", "", nav.get("Type")).split(".")[-1]
                found[nav.get("Name")] = {
                    "many": many, "target": target, "partner": nav.get("Partner"),
                    "column": constraint.get("Property") if constraint is not None else None,
                }
        return found


def column_type(table, name, edm, facts, money):
    cdm = facts.get("cdm_type")
    if edm == "Edm.Guid":
        if name != bare(name):
            return "lookup"
        return "guid"
    if edm == "Edm.String":
        if name in ("activitytypecode", "objecttypecode"):
            return "entityname"
        return "memo" if name in LONG_TEXT or facts.get("maxLength", 0) > 4000 else "string"
    if edm == "Edm.Int32":
        return {"statecode": "state", "statuscode": "status"}.get(name, "integer")
    if edm == "Edm.Decimal":
        if name.endswith("_base") or cdm == "baseCurrency":
            return "money"
        return "money" if cdm == "currency" or (cdm is None and name + "_base" in money) else "decimal"
    return {"Edm.Int64": "biginteger", "Edm.Double": "double", "Edm.Boolean": "boolean", "Edm.Binary": "image",
            "Edm.DateTimeOffset": "datetime", "Edm.Date": "date"}.get(edm)


def options_of(table, name, facts, entities):
    if facts.get("options"):
        listed = []
        for option in facts["options"]:
            entry = [option["value"], option["label"]]
            if "state" in option:
                entry.append(option["state"])
            listed.append(entry)
        return listed
    address = re.fullmatch(r"address\d_(.+)", name)
    if address and address.group(1) in ADDRESS_OPTIONS:
        return [[i + 1, label] for i, label in enumerate(ADDRESS_OPTIONS[address.group(1)])]
    if TABLES[table][6] == "Activity" and table != "activityparty":
        if name in ACTIVITY_OPTIONS:
            return ACTIVITY_OPTIONS[name]
        if table == "activitypointer" or table in ("incidentresolution", "opportunityclose", "quoteclose"):
            if name == "statecode":
                return POINTER_STATES if table == "activitypointer" else POINTER_STATES[:3]
            if name == "statuscode":
                return POINTER_STATUSES if table == "activitypointer" else POINTER_STATUSES[:3]
    if table == "activityparty" and name == "participationtypemask":
        return [[i + 1, label] for i, label in enumerate(PARTICIPATION)]
    if name == "skippricecalculation":
        return SKIP_PRICE
    if table == "opportunity" and facts.get("cdm_type") == "listLookup":
        return options_of("lead", name, entities["lead"]["properties"].get(name, {}), {}) if entities else None
    if name == "statecode":
        return [[0, "Active"], [1, "Inactive"]]
    if name == "statuscode":
        if table.endswith("process"):
            return [[1, "Active", 0], [2, "Finished", 1], [3, "Aborted", 1]]
        return [[1, "Active", 0], [2, "Inactive", 1]]
    return None


def length_of(table, name, facts, kind):
    if facts.get("maxLength"):
        return facts["maxLength"]
    if TABLES[table][6] == "Activity" and table != "activityparty" and name in ACTIVITY_LENGTHS:
        if table == "email" and name == "description":
            return 1073741823
        return ACTIVITY_LENGTHS[name]
    address = re.fullmatch(r"address\d_(.+)", name)
    if address and address.group(1) in ADDRESS_LENGTHS:
        return ADDRESS_LENGTHS[address.group(1)]
    if kind == "memo":
        return LONG_TEXT.get(name, 2000)
    return None


def columns_of(table, csdl, entities):
    props = csdl.properties(table)
    facts_of = entities.get(table, {}).get("properties", {})
    if table == "annotation":
        props.setdefault("documentbody", "Edm.String")
    columns = []
    for name, edm in props.items():
        facts = facts_of.get(name, {})
        kind = column_type(table, name, edm, facts, props)
        if kind is None:
            continue
        options = options_of(table, name, facts, entities) if kind in ("integer", "state", "status") else None
        if kind == "integer" and options:
            kind = "choice"
        column = {"name": name, "type": kind}
        logical = bare(name)
        column["label"] = facts.get("label") or LABELS.get(logical) or guessed_label(logical)
        if kind in ("string", "memo"):
            length = length_of(table, name, facts, kind)
            if length:
                column["length"] = length
        if options:
            column["options"] = options
        if kind == "boolean" and logical in BOOLEAN_LABELS:
            column["labels"] = BOOLEAN_LABELS[logical]
        if logical in RANGES and kind in ("integer", "decimal", "money"):
            column["range"] = RANGES[logical]
        if kind == "money" and name.endswith("_base"):
            column["base_of"] = name[:-5]
        required = facts.get("required")
        if table == "incident" and logical == "customerid":
            required = "systemrequired"
        if required and required != "none":
            column["required"] = {"required": "application"}.get(required, {"systemrequired": "system"}.get(required, required))
        primary = KEYS.get(table, entities.get(table, {}).get("key", [None])[0])
        never = (logical in NEVER_WRITTEN or name.endswith("_base") or name.endswith("_composite")
                 or logical in NEVER_WRITTEN_OF.get(table, ()) or re.fullmatch(r"address\d_addressid", name))
        if never and name != primary:
            column["create"] = column["update"] = False
        elif logical in ONLY_CREATED_OF.get(table, ()) or logical == "overriddencreatedon" or name == primary:
            column["update"] = False
        if logical in INDEXED and kind in ("string", "guid", "entityname"):
            column["indexed"] = True
        columns.append(column)
    if table == "principal":
        columns = [c for c in columns if c["name"] == "ownerid"]
    columns += CUSTOM.get(table, [])
    return columns


def navigation_column(table, name, declared, columns):
    if declared:
        return declared
    names = {c["name"] for c in columns}
    if name == "activityid_activitypointer":
        return "activityid" if "activityid" in names else "_activityid_value"
    if name.startswith("sla_"):
        return "_slaid_value"
    parts = name.split("_")
    for end in range(len(parts), 0, -1):
        start = "_".join(parts[:end])
        if "_%s_value" % start in names:
            return "_%s_value" % start
        if start in names:
            return start
    return None


def main():
    csdl, entities = Csdl(sys.argv[1]), json.load(open(sys.argv[2]))
    columns = {t: columns_of(t, csdl, entities) for t in TABLES}
    single, collection = {}, {}
    for table in TABLES:
        single[table] = {}
        if table == "principal":
            continue
        for name, nav in csdl.navigations(table).items():
            if nav["many"] or nav["target"] not in TABLES:
                continue
            column = navigation_column(table, name, nav["column"], columns[table])
            if column and any(c["name"] == column for c in columns[table]):
                single[table][name] = {"name": name, "column": column, "target": nav["target"], "partner": nav["partner"]}
        if table in ("phonecall", "task", "appointment", "email"):
            name = "ownerid_" + table
            single[table][name] = {"name": name, "column": "_ownerid_value", "target": "principal", "partner": "owner_" + table}
    for table in TABLES:
        collection[table] = []
        if table == "principal":
            continue
        for name, nav in csdl.navigations(table).items():
            if not nav["many"] or nav["target"] not in TABLES:
                continue
            back = csdl.navigations(nav["target"]).get(nav["partner"])
            if back and back["many"]:
                collection[table].append({"name": name, "target": nav["target"], "many_to_many": min(name, nav["partner"])})
            elif nav["partner"] in single[nav["target"]]:
                collection[table].append({"name": name, "target": nav["target"], "partner": nav["partner"]})
    out = []
    for table, (schema, label, plural, code, owner, app, privilege) in TABLES.items():
        facts = entities.get(table, {})
        key = csdl.types[table].find(EDM + "Key/" + EDM + "PropertyRef")
        head = {
            "name": table, "schema": schema, "label": label, "plural": plural, "code": code,
            "set": csdl.sets.get(table, table + "s"),
            "key": KEYS.get(table) or (facts.get("key") or [key.get("Name") if key is not None else None])[0] or "activityid",
            "primary_name": PRIMARY_NAMES[table] if table in PRIMARY_NAMES else facts.get("primaryName"),
            "base": csdl.base(table), "abstract": csdl.types[table].get("Abstract") == "true",
            "owner": owner, "app": app, "privilege": privilege,
        }
        head = {k: v for k, v in head.items() if v not in (None, False)}
        rows = lambda items: ",\n".join("  " + json.dumps(i, ensure_ascii=False, separators=(",", ":")) for i in items)
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
        out.append('%s,\n "columns":[\n%s],\n "single":[\n%s],\n "collections":[\n%s]}' % (
            text, rows(columns[table]), rows(single[table].values()), rows(collection[table])))
    print('{"tables":[\n' + ",\n".join(out) + "\n]}")


main()
