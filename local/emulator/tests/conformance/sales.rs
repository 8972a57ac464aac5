//! Quotes, opportunities and their lines: prices, discounts, totals and revisions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch::{batch, change_set, statuses, write};
use crate::create::refused;
use crate::harness::{Emulated, encode};

const LITWARE: &str = "31c1b589-e0f1-51ca-a0f9-94b2913f78f7";
const RENEWAL: &str = "c0a5c8c7-404a-55b4-9c8e-d5786a203a62";
const RETAIL: &str = "8366c1c0-ad9d-5c48-afff-870ed682a91f";
const EU: &str = "fee67048-76c0-50cd-a462-def49fce8fe5";
const DOLLAR: &str = "3783a108-c47e-5695-971b-7f2f8086d21e";
const EURO: &str = "1314a1f0-6b58-5278-a575-f643a6e72fde";
const UNIT: &str = "2efb7d1f-769f-5489-a2a6-145e2990b64b";
const SEAT: &str = "69de9986-a12c-5101-a4af-20510138ee2c";
const LEGACY: &str = "77c89ef9-4f37-54c3-bcef-211f7dba5b8b";
const IN_DRAFT: &str = "54dd3605-bba0-515c-aed8-435bed4a30a1";
const HOUR: &str = "70d85951-cd84-583c-9715-8df36f7f11d8";
const FAMILY: &str = "f7b6be95-d87f-51c3-bb2a-70c40dff7cdb";
const HARDWARE: &str = "a3bea807-1e28-58b6-9102-500624e3fb3c";
const DRAFT: &str = "17483665-dc0a-5b6a-8d1b-6db1d6acf3d7";

fn quote(lines: &[Value]) -> Value {
    json!({
        "name": "Quote",
        "customerid_account@odata.bind": format!("/accounts({LITWARE})"),
        "opportunityid@odata.bind": format!("/opportunities({RENEWAL})"),
        "pricelevelid@odata.bind": format!("/pricelevels({RETAIL})"),
        "transactioncurrencyid@odata.bind": format!("/transactioncurrencies({DOLLAR})"),
        "discountpercentage": 10,
        "quote_details": lines,
    })
}

fn seats(quantity: impl Into<Value>) -> Value {
    json!({
        "productid@odata.bind": format!("/products({SEAT})"),
        "uomid@odata.bind": format!("/uoms({UNIT})"),
        "quantity": quantity.into(),
        "isproductoverridden": false,
    })
}

fn changed(mut line: Value, change: Value) -> Value {
    line.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    line
}

async fn created(emulated: &Emulated, body: Value) -> Value {
    let path = "quotes?$expand=quote_details($orderby=lineitemnumber)";
    let headers = [("prefer", "return=representation")];
    emulated.write(Method::POST, path, &headers, body).await.expect(201).clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn a_quote_with_lines_is_priced_and_totalled() {
    let emulated = Emulated::start().await;
    let lines = [
        seats(10),
        changed(
            seats(2),
            json!({"ispriceoverridden": true, "priceperunit": 70, "manualdiscountamount": 15.5, "tax": 4}),
        ),
        json!({"isproductoverridden": true, "productdescription": "Training", "priceperunit": 1500, "quantity": 1}),
    ];
    let row = created(&emulated, quote(&lines)).await;
    assert!(row["quotenumber"].as_str().unwrap().starts_with("QUO-01001-"));
    let lines = row["quote_details"].as_array().unwrap();
    let amounts: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                number(&line["priceperunit"]),
                number(&line["baseamount"]),
                number(&line["extendedamount"]),
            )
        })
        .collect();
    assert_eq!(amounts, [(79.0, 790.0, 790.0), (70.0, 140.0, 128.5), (1500.0, 1500.0, 1500.0)]);
    assert_eq!(lines[0]["quotedetailname"], "Chat seat – Professional");
    assert_eq!(lines[2]["quotedetailname"], "Training");
    assert_eq!(lines[2]["lineitemnumber"], 3);
    assert_eq!(number(&row["totallineitemamount"]), 2414.5);
    assert_eq!(number(&row["totaldiscountamount"]), 241.45);
    assert_eq!(number(&row["totaltax"]), 4.0);
    assert_eq!(number(&row["totalamount"]), 2177.05);
    assert_eq!(number(&row["totalamount_base"]), 2177.05);
    assert_eq!(row["pricingerrorcode"], 0);
    assert_eq!(row["_accountid_value"], LITWARE);
}

#[tokio::test]
async fn totals_follow_lines_and_header() {
    let emulated = Emulated::start().await;
    let line = "f22c6535-f2b5-5273-8fce-b8abe2423ba5";
    let total = || async {
        let row = emulated.get(&format!("quotes({DRAFT})?$select=totalamount")).await;
        number(&row.expect(200)["totalamount"])
    };
    assert_eq!(total().await, 9006.0);
    emulated.patch(&format!("quotedetails({line})"), json!({"quantity": 100})).await.expect(204);
    assert_eq!(total().await, 7505.0);
    let header = json!({"discountpercentage": 0, "discountamount": 400, "freightamount": 20});
    emulated.patch(&format!("quotes({DRAFT})"), header).await.expect(204);
    assert_eq!(total().await, 7520.0);
    let extra = changed(seats(1), json!({"quoteid@odata.bind": format!("/quotes({DRAFT})")}));
    emulated.post("quotedetails", extra).await.expect(204);
    assert_eq!(total().await, 7599.0);
    emulated.delete(&format!("quotedetails({line})")).await.expect(204);
    assert_eq!(total().await, -301.0);
}

#[tokio::test]
async fn a_bad_line_leaves_no_quote() {
    let emulated = Emulated::start().await;
    let before = emulated.count("quotes").await;
    let product = |id: &str| json!({"productid@odata.bind": format!("/products({id})")});
    let missing = "0f0e0d0c-0b0a-4908-8706-050403020100";
    for (line, status, code, part) in [
        (
            changed(seats(1), product(LEGACY)),
            400,
            "0x8004f908",
            "You can only add Active products.",
        ),
        (
            changed(seats(1), product(FAMILY)),
            400,
            "0x8004f908",
            "You can only add Active products.",
        ),
        (
            changed(seats(1), product(IN_DRAFT)),
            400,
            "0x8004f908",
            "You can only add Active products.",
        ),
        (
            changed(seats(1), json!({"uomid@odata.bind": format!("/uoms({HOUR})")})),
            400,
            "0x80043b14",
            "The specified unit is not valid for this product.",
        ),
        (changed(seats(1), product(missing)), 404, "0x80040217", "Entity 'product'"),
        (
            json!({"quantity": 1, "isproductoverridden": false}),
            400,
            "0x80043b11",
            "The product id is missing.",
        ),
        (
            changed(product(SEAT), json!({"quantity": 1})),
            400,
            "0x80043b0d",
            "The unit id is missing.",
        ),
        (seats(Value::Null), 400, "0x80081012", "The Quantity is missing."),
        (seats(1.5), 400, "0x80043b07", "The number of decimal places on the quantity is invalid."),
        (
            changed(seats(1), json!({"ispriceoverridden": true})),
            400,
            "0x80043b10",
            "The price per unit is invalid.",
        ),
        (
            changed(seats(1), json!({"manualdiscountamount": -1})),
            400,
            "0x80044330",
            "A decimal value provided is outside",
        ),
        (
            changed(seats(1), json!({"discountpercentage": 5})),
            400,
            "0x80048d19",
            "The property 'discountpercentage' does not exist",
        ),
    ] {
        let answer = emulated.post("quotes", quote(&[seats(1), seats(2), line])).await;
        refused(&answer, status, code, part);
        assert_eq!(emulated.count("quotes").await, before);
    }
    assert_eq!(emulated.count("quotedetails").await, 1);
}

#[tokio::test]
async fn a_change_set_makes_a_quote_under_the_clients_keys_once() {
    let emulated = Emulated::start().await;
    let key = "0f0e0d0c-0b0a-4908-8706-050403020100";
    let mut header = quote(&[]);
    header["quoteid"] = key.into();
    header.as_object_mut().unwrap().remove("quote_details");
    let line = |number: u32, line: Value| {
        let own = format!("0f0e0d0c-0b0a-4908-8706-05040302010{number}");
        let links = json!({"quotedetailid": own, "quoteid@odata.bind": format!("/quotes({key})")});
        write(number + 1, "POST", "quotedetails", &changed(line, links))
    };
    let training = json!({"isproductoverridden": true, "productdescription": "Training",
                          "priceperunit": 1500, "quantity": 1});
    let header = write(1, "POST", "quotes", &header);
    let bad = [header.clone(), line(1, seats(10)), line(2, seats(1.5))];
    let answer = batch(&emulated, &[change_set(&bad)], &[]).await;
    assert!(answer.text.contains("0x80043b07"), "{}", answer.text);
    emulated.get(&format!("quotes({key})")).await.refused_with(404, "0x80040217", key);

    let good = [header, line(1, seats(10)), line(2, training)];
    let answer = batch(&emulated, &[change_set(&good)], &[]).await;
    assert_eq!(statuses(&answer), ["204 No Content"; 3], "{}", answer.text);
    let row = emulated.get(&format!("quotes({key})")).await.expect(200).clone();
    assert_eq!(number(&row["totallineitemamount"]), 2290.0);
    assert_eq!(number(&row["totalamount"]), 2061.0);
    let lines = emulated.count("quotedetails").await;
    let answer = batch(&emulated, &[change_set(&good)], &[]).await;
    assert_eq!((answer.status, statuses(&answer)), (412, vec!["412 Precondition Failed"]));
    assert!(answer.text.contains("0x80040237"), "{}", answer.text);
    assert_eq!(emulated.count("quotedetails").await, lines);
}

#[tokio::test]
async fn products_are_found_by_family_with_their_prices() {
    let emulated = Emulated::start().await;
    let query = format!(
        "products?$select=name,hierarchypath,_parentproductid_value&$filter={}\
         &$expand=product_price_levels($select=amount,_uomid_value;\
         $expand=pricelevelid($select=name,_transactioncurrencyid_value),uomid($select=name))",
        encode("parentproductid/name eq 'chat products' and productnumber eq 'CHAT-STD'")
    );
    let annotated = [("prefer", "odata.include-annotations=\"*\"")];
    let answer = emulated.get_with(&query, &annotated).await;
    let rows = answer.expect(200)["value"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["hierarchypath"], "Chat products");
    let family = "_parentproductid_value@OData.Community.Display.V1.FormattedValue";
    assert_eq!(rows[0][family], "Chat products");
    let currency = "_transactioncurrencyid_value@OData.Community.Display.V1.FormattedValue";
    let mut prices: Vec<_> = rows[0]["product_price_levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item["uomid"]["name"], "Primary Unit");
            let list = &item["pricelevelid"];
            (
                list["name"].as_str().unwrap(),
                list[currency].as_str().unwrap(),
                number(&item["amount"]),
            )
        })
        .collect();
    prices.sort_by(|a, b| a.0.cmp(b.0));
    assert_eq!(prices, [("EU 2025 (EUR)", "Euro", 36.0), ("Retail 2025 (USD)", "US Dollar", 39.0)]);
    // With a nested $expand, rows can be neither sorted nor cut.
    let sorted = "products?$expand=product_price_levels($orderby=amount;$expand=pricelevelid)";
    emulated.get(sorted).await.refused_with(400, "0x80060888", "Only $select and $filter clause");
}

#[tokio::test]
async fn price_lists_decide_price_and_currency() {
    let emulated = Emulated::start().await;
    let mut euro = quote(&[seats(2)]);
    euro["pricelevelid@odata.bind"] = format!("/pricelevels({EU})").into();
    let answer = emulated.post("quotes", euro.clone()).await;
    answer.refused(
        400,
        "0x80048cee",
        "The currency of the record does not match the currency of the price list.",
    );
    euro["transactioncurrencyid@odata.bind"] = format!("/transactioncurrencies({EURO})").into();
    let row = created(&emulated, euro.clone()).await;
    assert_eq!(number(&row["quote_details"][0]["priceperunit"]), 72.5);
    assert_eq!(number(&row["totalamount"]), 130.5);
    // 130.5 euros, at 0.92 euros to the dollar.
    assert_eq!(number(&row["totalamount_base"]), 141.8478);

    // A product that is not in the list causes no refusal, but an error on the line and the quote.
    let kiosk = json!({"productid@odata.bind": format!("/products({HARDWARE})")});
    euro["quote_details"] = json!([changed(seats(1), kiosk)]);
    let row = created(&emulated, euro).await;
    assert_eq!(row["quote_details"][0]["pricingerrorcode"], 11);
    assert_eq!(number(&row["quote_details"][0]["priceperunit"]), 0.0);
    assert_eq!(row["pricingerrorcode"], 1);

    let mut without = quote(&[seats(1)]);
    without.as_object_mut().unwrap().remove("pricelevelid@odata.bind");
    let answer = emulated.post("quotes", without).await;
    answer.refused(400, "0x80043b12", "The price level id is missing.");
}

#[tokio::test]
async fn a_quote_goes_from_draft_to_active_to_won_or_revised() {
    let emulated = Emulated::start().await;
    let path = format!("quotes({DRAFT})");
    let close = |status: i32| json!({"Status": status, "QuoteClose": {"subject": "x", "quoteid@odata.bind": format!("/quotes({DRAFT})")}});
    let early = emulated.post("WinQuote", close(4)).await;
    refused(&early, 400, "0x80048408", "not in the active state");
    emulated.patch(&path, json!({"statecode": 1, "statuscode": 2})).await.expect(204);
    let edit = emulated.patch(&path, json!({"name": "x"})).await;
    edit.refused(400, "0x8004022e", "The object cannot be updated because it is read-only.");
    let line = changed(seats(1), json!({"quoteid@odata.bind": format!("/quotes({DRAFT})")}));
    let answer = emulated.post("quotedetails", line).await;
    answer.refused(400, "0x80043b09", "The parent is read only and cannot be edited.");
    let answer = emulated.patch(&path, json!({"statecode": 2, "statuscode": 4})).await;
    refused(&answer, 400, "0x80048408", "WinQuoteRequest");

    // An active quote is an offer that still stands.
    let win = json!({"Status": 3, "OpportunityClose": {"subject": "x", "opportunityid@odata.bind": format!("/opportunities({RENEWAL})")}});
    let answer = emulated.post("WinOpportunity", win.clone()).await;
    answer.refused(400, "0x80040516", "The opportunity cannot be closed.");

    let revise = json!({"QuoteId": DRAFT, "ColumnSet": {"Columns": ["quotenumber", "revisionnumber", "totalamount", "statecode"]}});
    let answer = emulated.post("ReviseQuote", revise).await;
    let revised = answer.expect(200).clone();
    assert_eq!(revised["revisionnumber"], 1);
    assert_eq!(revised["statecode"], 0);
    assert_eq!(revised["quotenumber"], "QUO-01000-H5T9Q2");
    assert_eq!(number(&revised["totalamount"]), 9006.0);
    let old = emulated.get(&path).await.expect(200).clone();
    assert_eq!((&old["statecode"], &old["statuscode"]), (&json!(3), &json!(7)));
    emulated.post("WinOpportunity", win).await.expect(204);
}

#[tokio::test]
async fn a_quote_is_generated_from_an_opportunity() {
    let emulated = Emulated::start().await;
    let body = json!({"OpportunityId": RENEWAL, "ColumnSet": {"AllColumns": true}});
    let answer = emulated.post("GenerateQuoteFromOpportunity", body).await;
    let row = answer.expect(200);
    assert_eq!(row["_opportunityid_value"], RENEWAL);
    assert_eq!(row["_customerid_value"], LITWARE);
    // 120 seats at 79, and 12 months of the bot at 499.
    assert_eq!(number(&row["totalamount"]), 15468.0);
    let lines =
        emulated.get(&format!("quotes({})/quote_details", row["quoteid"].as_str().unwrap())).await;
    assert_eq!(lines.expect(200)["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_revenue_of_an_opportunity_is_computed_only_where_it_says_so() {
    let emulated = Emulated::start().await;
    let read = |id: String| {
        let emulated = &emulated;
        async move { emulated.get(&format!("opportunities({id})")).await.expect(200).clone() }
    };
    let kiosks = emulated.key("opportunities", "contains(name,'lobby kiosks')").await;
    // 4 kiosks, the set-up with a discount of 250, and 4 mountings.
    let row = read(kiosks.clone()).await;
    assert_eq!(number(&row["estimatedvalue"]), 10290.0);
    let path = format!("opportunities({kiosks})");
    emulated.patch(&path, json!({"estimatedvalue": 5})).await.expect(204);
    assert_eq!(number(&read(kiosks.clone()).await["estimatedvalue"]), 10290.0);
    let change = json!({"isrevenuesystemcalculated": false, "estimatedvalue": 5});
    emulated.patch(&path, change).await.expect(204);
    assert_eq!(number(&read(kiosks).await["estimatedvalue"]), 5.0);
}

#[tokio::test]
async fn the_customer_of_an_opportunity_follows_its_account_and_contact() {
    let emulated = Emulated::start().await;
    let zoe = "60ffa158-6493-594f-a4ba-b5efa0f7856d";
    let body = json!({"name": "x", "parentcontactid@odata.bind": format!("/contacts({zoe})")});
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, "opportunities", &headers, body).await;
    let row = answer.expect(201);
    assert_eq!(row["_customerid_value"], zoe);
    assert_eq!(row["isrevenuesystemcalculated"], false);
    let path = format!("opportunities({})", row["opportunityid"].as_str().unwrap());
    let change = json!({"parentaccountid@odata.bind": format!("/accounts({LITWARE})")});
    emulated.patch(&path, change).await.expect(204);
    let row = emulated.get(&path).await.expect(200).clone();
    assert_eq!(row["_customerid_value"], LITWARE);
    assert_eq!(row["_parentcontactid_value"], zoe);
}
