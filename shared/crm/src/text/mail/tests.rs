use proptest::prelude::*;

use super::super::{UNREADABLE, mail, own_words, plain, same_words};
use super::wordings;
use super::*;

/// An answer in each language, with the mail it answers as plain text.
fn plain_replies() -> Vec<(&'static str, &'static str)> {
    vec![
        // Gmail, Apple Mail and Thunderbird, English. Gmail folds its heading.
        (
            "en",
            "On Thu, Sep 4, 2025 at 10:12 AM Maria Quist <\nmaria.quist@northwind.example> wrote:",
        ),
        (
            "en",
            "On Thu, Sep 4, 2025 at 10:12 AM Maria Quist <maria.quist@northwind.example>\nwrote:",
        ),
        ("en", "On 4 Sep 2025, at 10:12, Maria Quist <maria@northwind.example> wrote:"),
        ("en", "On 9/4/25 10:12 AM, Maria Quist wrote:"),
        ("de", "Am Do., 4. Sept. 2025 um 10:12 Uhr schrieb Maria Quist <maria@northwind.example>:"),
        (
            "de",
            "Am Do., 4. Sept. 2025 um 10:12 Uhr schrieb Maria Quist <\nmaria@northwind.example>:",
        ),
        ("de", "Am 04.09.2025 um 10:12 schrieb Maria Quist:"),
        (
            "de",
            "Am Donnerstag, 4. September 2025 um 10:12:00 MESZ hat Maria Quist <maria@northwind.example> Folgendes geschrieben:",
        ),
        ("de", "Maria Quist <maria@northwind.example> schrieb am Do., 4. Sep. 2025, 10:12:"),
        (
            "fr",
            "Le jeu. 4 sept. 2025 à 10:12, Maria Quist <maria@northwind.example> a écrit\u{a0}:",
        ),
        ("fr", "Le 04/09/2025 à 10:12, Maria Quist a écrit :"),
        (
            "es",
            "El jue, 4 sept 2025 a las 10:12, Maria Quist (<maria@northwind.example>) escribió:",
        ),
        ("es", "El 4/9/25 a las 10:12, Maria Quist escribió:"),
        (
            "it",
            "Il giorno gio 4 set 2025 alle ore 10:12 Maria Quist <maria@northwind.example> ha scritto:",
        ),
        ("it", "Il 04/09/2025 10:12, Maria Quist ha scritto:"),
        (
            "pt",
            "Em qui., 4 de set. de 2025 às 10:12, Maria Quist <maria@northwind.example> escreveu:",
        ),
        ("pt", "Maria Quist <maria@northwind.example> escreveu (quinta, 4/09/2025 à(s) 10:12):"),
        ("nl", "Op do 4 sep 2025 om 10:12 schreef Maria Quist <maria@northwind.example>:"),
        (
            "nl",
            "Op 4 sep 2025, om 10:12 heeft Maria Quist <maria@northwind.example> het volgende geschreven:",
        ),
        ("pl", "czw., 4 wrz 2025 o 10:12 Maria Quist <maria@northwind.example> napisał(a):"),
        ("pl", "W dniu 4.09.2025 o 10:12, Maria Quist pisze:"),
        ("sv", "Den tors 4 sep. 2025 kl 10:12 skrev Maria Quist <maria@northwind.example>:"),
        ("da", "Den tors. 4. sep. 2025 kl. 10.12 skrev Maria Quist <maria@northwind.example>:"),
        ("no", "tor. 4. sep. 2025 kl. 10:12 skrev Maria Quist <maria@northwind.example>:"),
        ("ru", "чт, 4 сент. 2025 г. в 10:12, Maria Quist <maria@northwind.example>:"),
        ("ru", "04.09.2025 10:12, Maria Quist пишет:"),
        ("zh", "Maria Quist <maria@northwind.example> 于2025年9月4日周四 10:12写道："),
        ("zh", "在 2025年9月4日，10:12，Maria Quist <maria@northwind.example> 写道："),
        ("ja", "2025年9月4日(木) 10:12 Maria Quist <maria@northwind.example>:"),
        ("ja", "2025/09/04 10:12、Maria Quist <maria@northwind.example>のメール："),
        // In other languages, a name, an address and a time are enough.
        ("fi", "to 4. syysk. 2025 klo 10:12 Maria Quist <maria@northwind.example>:"),
        // Titles, and blocks without a title, as Outlook writes them.
        ("en", "-----Original Message-----\nFrom: Maria Quist\nSent: Thursday"),
        ("en", "---------- Forwarded message ---------\nFrom: Maria Quist"),
        ("en", "Begin forwarded message:\n\nFrom: Maria Quist"),
        ("en", "------- Original Message -------\nOn Thursday, Maria wrote:"),
        ("de", "-----Ursprüngliche Nachricht-----\nVon: Maria Quist <maria@northwind.example>"),
        ("de", "-------- Ursprüngliche Nachricht --------Von: Maria Quist Datum: 04.09.25"),
        ("de", "Anfang der weitergeleiteten Nachricht:\n\nVon: Maria Quist"),
        ("fr", "-----Message d'origine-----\nDe : Maria Quist"),
        ("es", "-----Mensaje original-----\nDe: Maria Quist"),
        ("it", "-----Messaggio originale-----\nDa: Maria Quist"),
        ("pt", "-----Mensagem original-----\nDe: Maria Quist"),
        ("nl", "-----Oorspronkelijk bericht-----\nVan: Maria Quist"),
        ("pl", "-----Wiadomość oryginalna-----\nFrom: Maria Quist"),
        ("sv", "-----Ursprungligt meddelande-----\nFrån: Maria Quist"),
        ("da", "-----Oprindelig meddelelse-----\nFra: Maria Quist"),
        ("no", "-----Opprinnelig melding-----\nFra: Maria Quist"),
        ("ru", "-----Исходное сообщение-----\nОт: Maria Quist"),
        ("zh", "-----邮件原件-----\n发件人: Maria Quist"),
        ("zh", "------------------ 原始邮件 ------------------\n发件人: Maria Quist"),
        ("ja", "-----元のメッセージ-----\n差出人: Maria Quist"),
        (
            "en",
            "From: Maria Quist <maria@northwind.example>\nSent: Thursday, September 4, 2025 10:12 AM\nTo: Teo Marchetti\nSubject: Kiosk",
        ),
        (
            "en",
            "*From:* Maria Quist <maria@northwind.example>\n*Sent:* Thursday, September 4, 2025 10:12 AM\n*To:* Teo\n*Subject:* Kiosk",
        ),
        (
            "de",
            "Von: Maria Quist\nGesendet: Donnerstag, 4. September 2025 10:12\nAn: Teo Marchetti\nCc: Rowan;\n  Jonas\nBetreff: Kiosk",
        ),
        (
            "de",
            "Gesendet: Donnerstag, 04. September 2025 um 10:12 Uhr\nVon: Maria <maria@northwind.example>\nAn: Teo\nBetreff: Kiosk",
        ),
        (
            "fr",
            "De\u{a0}: Maria Quist\nEnvoyé\u{a0}: jeudi 4 septembre 2025 10:12\nÀ\u{a0}: Teo\nObjet\u{a0}: Kiosk",
        ),
        (
            "es",
            "De: Maria Quist\nEnviado el: jueves, 4 de septiembre de 2025 10:12\nPara: Teo\nAsunto: Kiosk",
        ),
        ("it", "Da: Maria Quist\nInviato: giovedì 4 settembre 2025 10:12\nA: Teo\nOggetto: Kiosk"),
        (
            "pt",
            "De: Maria Quist\nEnviada em: quinta-feira, 4 de setembro de 2025 10:12\nPara: Teo\nAssunto: Kiosk",
        ),
        (
            "nl",
            "Van: Maria Quist\nVerzonden: donderdag 4 september 2025 10:12\nAan: Teo\nOnderwerp: Kiosk",
        ),
        ("pl", "Od: Maria Quist\nWysłano: czwartek, 4 września 2025 10:12\nDo: Teo\nTemat: Kiosk"),
        ("sv", "Från: Maria Quist\nSkickat: den 4 september 2025 10:12\nTill: Teo\nÄmne: Kiosk"),
        ("da", "Fra: Maria Quist\nSendt: 4. september 2025 10:12\nTil: Teo\nEmne: Kiosk"),
        ("ru", "От: Maria Quist\nОтправлено: 4 сентября 2025 г. 10:12\nКому: Teo\nТема: Kiosk"),
        ("zh", "发件人: Maria Quist\n发送时间: 2025年9月4日 10:12\n收件人: Teo\n主题: Kiosk"),
        ("ja", "差出人: Maria Quist\n送信日時: 2025年9月4日 10:12\n宛先: Teo\n件名: Kiosk"),
        // Outlook on the web and on phones.
        ("en", "________________________________\nFrom: Maria Quist\nSent: Thursday\nTo: Teo"),
    ]
}

#[test]
fn a_plain_answer_is_shown_without_the_mail_above_which_its_program_put_it() {
    for (language, heading) in plain_replies() {
        let answer = "Yes, please.\n\nMaria";
        let mail = format!("{answer}\n\n{heading}\n\nShall we send the kiosk on 8 September?\n");
        assert_eq!(own_words(&mail, 1000).text, answer, "{language}: {heading}");
        // The same with the lines marked, and an answer below them.
        if heading.ends_with([':', '：']) && !heading.starts_with('-') {
            let below = format!("{heading}\n> Shall we send the kiosk?\n>\n> Teo\n\nYes, please.");
            assert_eq!(own_words(&below, 1000).text, "Yes, please.", "{language}: {heading}");
        }
        // HTML that shows the same lines.
        let lines = mail.lines().map(|line| line.replace('<', "&lt;"));
        let html = lines.map(|line| format!("<p>{line}</p>")).collect::<String>();
        assert_eq!(own_words(&html, 1000).text, answer, "{language}: {html}");
    }
}

/// The HTML of each mail program, and what was written.
fn html_mails() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        (
            "Outlook",
            "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><style><!-- p.MsoNormal \
             {margin:0} --></style></head><body lang=DE><div class=WordSection1><p class=MsoNormal>Guten \
             Tag,<o:p></o:p></p><p class=MsoNormal>ja, gerne.<o:p></o:p></p><div><div style='border:none;\
             border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>Von:</b> Teo \
             Marchetti &lt;teo@contoso.example&gt;<br><b>Gesendet:</b> Donnerstag, 4. September 2025 10:12\
             <br><b>An:</b> Maria Quist<br><b>Betreff:</b> Kiosk<o:p></o:p></p></div></div><p \
             class=MsoNormal>Sollen wir liefern?</p></div></body></html>",
            "Guten Tag,\n\nja, gerne.",
        ),
        (
            "Outlook in a language that is not known",
            "<p class=MsoNormal>Igen.</p><div style='border:none;border-top:solid #B5C4DF 1.0pt'><p><b>\
             Feladó:</b> Teo<br><b>Elküldve:</b> 2025. szeptember 4.</p></div><p>Szállítsunk?</p>",
            "Igen.",
        ),
        (
            "Outlook on the web",
            "<div class=\"elementToProof\">Yes, please.</div><div id=\"appendonsend\"></div><hr \
             style=\"display:inline-block;width:98%\" tabindex=\"-1\"><div id=\"divRplyFwdMsg\" \
             dir=\"ltr\"><font face=\"Calibri\"><b>From:</b> Teo<br><b>Sent:</b> Thursday<br></font></div>\
             <div>Shall we?</div>",
            "Yes, please.",
        ),
        (
            "Outlook on the web, shown in Outlook",
            "<p>Oui.</p><div id=\"x_divRplyFwdMsg\">De : Teo</div><p>On y va ?</p>",
            "Oui.",
        ),
        (
            "Outlook on a phone",
            "<div dir=\"ltr\">Yes.</div><div id=\"mail-editor-reference-message-container\"><div \
             class=\"ms-outlook-mobile-reference-message\"><b>From: </b>Teo</div><div>Shall we?</div></div>",
            "Yes.",
        ),
        (
            "Outlook on the web, as it cleans styles",
            "<p>Sì.</p><div style=\"border-right:none; border-top:1pt solid rgb(225, 225, 225); \
             padding:3pt 0cm 0cm\"><p><b>Da:</b> Teo<br><b>Inviato:</b> ieri</p></div><p>Va bene?</p>",
            "Sì.",
        ),
        (
            "Gmail",
            "<div dir=\"ltr\">Yes, please.</div><br><div class=\"gmail_quote gmail_quote_container\"><div \
             dir=\"ltr\" class=\"gmail_attr\">On Thu, Sep 4, 2025 at 10:12 AM Teo &lt;<a \
             href=\"mailto:teo@contoso.example\">teo@contoso.example</a>&gt; wrote:<br></div><blockquote \
             class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex\"><div>Shall we?</div></blockquote></div>",
            "Yes, please.",
        ),
        (
            "Gmail in a language that is not known, with answers between",
            "<div class=\"gmail_quote\"><div class=\"gmail_attr\">Teo ezt írta:<br></div><blockquote \
             class=\"gmail_quote\">Mehet?</blockquote><div>Igen.</div><blockquote class=\"gmail_quote\">\
             Mikor?</blockquote></div><div>Holnap.</div>",
            "Igen.\n\nHolnap.",
        ),
        (
            "Gmail of former years",
            "<div>Sí.</div><div class=\"gmail_extra\"><br><div class=\"gmail_quote\">El jue., 4 sept. 2025 \
             Teo escribió:<br><blockquote class=\"gmail_quote\">¿Vamos?</blockquote></div></div>",
            "Sí.",
        ),
        (
            "Gmail that forwards, with a note",
            "<div dir=\"ltr\">Please see below.</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">\
             ---------- Forwarded message ---------<br>From: <b>Teo</b><br></div>Shall we?</div>",
            "Please see below.",
        ),
        (
            "Apple Mail",
            "<body>Yes.<br><div><br><blockquote type=\"cite\"><div>On 4 Sep 2025, at 10:12, Teo wrote:</div>\
             <br><div>Shall we?</div></blockquote></div></body>",
            "Yes.",
        ),
        (
            "Thunderbird, answered below",
            "<div class=\"moz-cite-prefix\">Am 04.09.2025 um 10:12 schrieb Teo:<br></div><blockquote \
             type=\"cite\"><p>Sollen wir?</p></blockquote><p>Ja.</p>",
            "Ja.",
        ),
        (
            "Yahoo",
            "<div>Oui.</div><div id=\"yahoo_quoted_1\" class=\"yahoo_quoted\"><div>Le jeudi 4 septembre, \
             Teo a écrit :</div><div>On y va ?</div></div>",
            "Oui.",
        ),
        (
            "Proton",
            "<div>Ja.</div><div class=\"protonmail_quote\">Op donderdag schreef Teo:<br><blockquote \
             type=\"cite\">Zullen we?</blockquote></div>",
            "Ja.",
        ),
        (
            "Dynamics 365",
            "<div>We have sent it.</div><br><font size=2><span>------------------- Original Message \
             -------------------<br><b>From:</b> Maria; <br><b>Received:</b> Thu Sep 04 2025<br></span></font>\
             Where is it?",
            "We have sent it.",
        ),
        (
            "a line that is only a line",
            "<p>Prices:</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p>Kiosk 750 EUR, and \
             more: see below</p></div><p>Regards</p>",
            "Prices:\n\nKiosk 750 EUR, and more: see below\n\nRegards",
        ),
    ]
}

#[test]
fn an_html_answer_is_shown_without_the_mail_that_it_answers() {
    for (program, html, expected) in html_mails() {
        assert_eq!(own_words(html, 1000).text, expected, "{program}");
        assert_eq!(own_words(html, 1000).truncated, None, "{program}");
    }
}

#[test]
fn what_only_looks_like_a_heading_stays() {
    for text in [
        "On Monday the visitor wrote:\nI need help",
        "Von: Berlin\nAn: Hamburg\nDatum: nächste Woche\nBitte anbieten.",
        "From: Berlin\nTo: Hamburg\nThanks",
        "Subject: English lessons\nTo: whom it may concern\nI offer lessons.",
        "Am 4.9. war der Techniker da.\nEr schrieb: alles gut",
        "----- Prices -----\nKiosk: 750",
        "The original message was lost.",
        "a > b\n-----\nc",
        "Opening hours: 9:00 to 17:30\nAddress: here\nNote: closed in 2025",
        "____________________\nMaria Quist\nNorthwind",
        "2025-09-04 10:12: the pump stopped\n2025-09-04 10:15: it ran again",
    ] {
        assert_eq!(own_words(text, 1000).text, text);
    }
}

#[test]
fn a_mail_that_would_be_cut_as_a_whole_stays_as_it_is() {
    for text in [
        "> all of it\n> and this",
        "On 4 Sep 2025, Teo wrote:\nall of it",
        "________________________________\nFrom: Teo\nSent: Thursday\nall of it",
        "-----Ursprüngliche Nachricht-----\nVon: Teo\n\nalles",
    ] {
        assert_eq!(own_words(text, 1000).text, text);
    }
    let html = "<div id=divRplyFwdMsg>From: Teo</div><p>all of it</p>";
    assert_eq!(own_words(html, 1000).text, plain(html));
    assert_eq!(own_words("> quoted\n  Jonas", 1000).text, "Jonas");
    assert_eq!(own_words("👍\n> all of it", 1000).text, "👍");
}

#[test]
fn a_forwarded_mail_keeps_its_text_if_nobody_wrote_above_it() {
    let forwarded =
        "Von meinem iPhone gesendet\n\nAnfang der weitergeleiteten Nachricht:\n\nVon: Teo\n\nAlles";
    for subject in ["WG: Kiosk", "Fwd: Kiosk", "FW: Kiosk", "TR : Kiosk", "转发：Kiosk"] {
        assert_eq!(mail(Some(subject), forwarded, 1000).text, forwarded, "{subject}");
    }
    for subject in [Some("AW: Kiosk"), Some("Kiosk"), None] {
        assert_eq!(mail(subject, forwarded, 1000).text, "Von meinem iPhone gesendet");
    }
    let noted = format!("Bitte prüfen.\n{forwarded}");
    let own = "Bitte prüfen.\nVon meinem iPhone gesendet";
    assert_eq!(mail(Some("WG: Kiosk"), &noted, 1000).text, own);
}

#[test]
fn a_heading_is_found_where_the_limit_is() {
    let text = format!(
        "{}\nFrom: Teo\nSent: 4 September 2025\nTo: Maria\nSubject: x\nno",
        "word ".repeat(10)
    );
    for limit in [45, 49, 50, 55, 60, 80, 1000] {
        let own = own_words(&text, limit);
        assert!(!own.text.contains("From"), "{limit}: {}", own.text);
    }
    let recipients = "maria@northwind.example; ".repeat(100);
    let long = format!("Yes.\nFrom: Teo\nSent: 4 September 2025\nTo: {recipients}\nSubject: x\nno");
    assert_eq!(own_words(&long, 10).text, "Yes.");
}

#[test]
fn the_wordings_are_as_they_are_compared() {
    let lists = [
        wordings::TITLES,
        wordings::FORWARDS,
        wordings::FROM,
        wordings::SENT,
        wordings::TO,
        wordings::SUBJECT,
        wordings::FORWARDED,
    ];
    for text in lists.iter().copied().flatten() {
        assert_eq!(same_words(text), *text);
    }
    for (begin, word, _) in ATTRIBUTIONS {
        assert_eq!((same_words(begin), same_words(word)), (begin.trim().into(), (*word).into()));
    }
}

/// Texts of lines that headings are made of.
fn mails() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = plain_replies()
        .into_iter()
        .flat_map(|(_, heading)| heading.lines())
        .chain([
            "> quoted",
            ">",
            "",
            " ",
            "Yes.",
            "wrote:",
            "On 4 Sep 2025, at 10:12, Teo",
            "and",
            "a: b",
            "____________________",
            "Subject: x",
            "To: Teo",
            "From: Teo <teo@contoso.example>",
            "Sent: 4 September 2025 10:12",
            "…",
        ])
        .map(str::to_owned)
        .chain(["word ".repeat(120), format!("To: {}", "a@b.example; ".repeat(60))])
        .collect();
    prop::collection::vec(prop::sample::select(pieces), 0..14).prop_map(|lines| lines.join("\n"))
}

/// HTML with the marks of mail programs, well nested or not.
fn html() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<div class=gmail_quote>",
        "<div class=gmail_attr>",
        "<blockquote class=gmail_quote>",
        "<div id=divRplyFwdMsg>",
        "<div style='border-top:solid #E1E1E1 1pt'>",
        "<span class=yahoo_quoted>",
        "<div class=moz-cite-prefix>",
        "</div>",
        "</blockquote>",
        "</span>",
        "<p>",
        "<br>",
        "<b>",
        "</b>",
        "<table><tr><td>",
        "</table>",
        "<div hidden>",
        "<img alt=x>",
        "<li>",
        "From: Teo",
        "Yes",
        "wrote: ",
        "On 4 Sep 2025, Teo ",
        "&gt; ",
        " ",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn to_cut_twice_is_to_cut_once(text in mails(), limit in 1usize..300) {
        let own = own_words(&text, usize::MAX >> 1);
        prop_assert_ne!(own.text.as_str(), UNREADABLE);
        prop_assert_eq!(own.text.trim(), own.text.as_str());
        let again = own_words(&own.text, usize::MAX >> 1);
        prop_assert_eq!(&again.text, &own.text);
        prop_assert!(own_words(&text, limit).text.chars().count() <= limit + 1);
    }

    #[test]
    fn no_mail_stops_the_reader(html in html(), limit in 1usize..300) {
        let own = own_words(&html, limit);
        prop_assert_ne!(own.text.as_str(), UNREADABLE);
        prop_assert!(own.text.chars().count() <= limit + 1);
        // All that is shown was there: of one mail, or all of it.
        prop_assert!(own_words(&html, 10_000).text.len() <= plain(&html).len());
    }
}
