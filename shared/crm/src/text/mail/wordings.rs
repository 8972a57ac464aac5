//! What mail programs write above a mail that is answered or forwarded.
//!
//! Origin: written for this project, from knowledge of what Outlook, Gmail, Apple Mail,
//! Thunderbird, Yahoo, GMX and Dynamics 365 write. Nothing is copied from their files. Licence: that
//! of the project (Apache-2.0).
//!
//! Languages: English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Danish,
//! Norwegian, Russian, Chinese and Japanese. All texts are as [`same_words`](super::super::same_words)
//! makes them.

/// Where in the line the word stands that says that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    End,
    Middle,
}

use Place::{End, Middle};

/// A line such as "On 4 Sep 2025, Maria wrote:": its beginning (empty if that is a name or a day),
/// and the word.
pub(super) const ATTRIBUTIONS: &[(&str, &str, Place)] = &[
    // English
    ("on ", "wrote", End),
    ("at ", "wrote", End),
    // German
    ("am ", "schrieb", Middle),
    ("am ", "geschrieben", End),
    ("", "schrieb am", Middle),
    // French
    ("le ", "a écrit", End),
    // Spanish
    ("el ", "escribió", End),
    // Italian
    ("il ", "ha scritto", End),
    // Portuguese
    ("em ", "escreveu", End),
    ("no dia ", "escreveu", End),
    ("a ", "escreveu", End),
    ("", "escreveu", Middle),
    // Dutch
    ("op ", "schreef", Middle),
    ("op ", "geschreven", End),
    // Polish
    ("", "napisał(a)", End),
    ("", "napisał", End),
    ("", "napisała", End),
    ("w dniu ", "pisze", End),
    ("wiadomość napisana przez ", "w dniu", Middle),
    // Swedish, Danish, Norwegian
    ("den ", "skrev", Middle),
    ("på ", "skrev", Middle),
    ("", "skrev", Middle),
    // Russian
    ("", "пишет", End),
    ("", "написал(а)", End),
    ("", "написал", End),
    ("", "написала", End),
    // Chinese
    ("", "写道", End),
    ("", "寫道", End),
    // Japanese
    ("", "のメール", End),
];

/// What a line between dashes says: "-----Original Message-----".
pub(super) const TITLES: &[&str] = &[
    // English
    "original message",
    "original appointment",
    "original email",
    "reply message",
    "forwarded message",
    // German
    "ursprüngliche nachricht",
    "ursprünglicher termin",
    "original-nachricht",
    "originalnachricht",
    "weitergeleitete nachricht",
    // French
    "message d'origine",
    "message d'origine",
    "message original",
    "message initial",
    "message transféré",
    "message transmis",
    "forwarded message",
    // Spanish
    "mensaje original",
    "mensaje reenviado",
    // Italian
    "messaggio originale",
    "messaggio inoltrato",
    // Portuguese
    "mensagem original",
    "mensagem encaminhada",
    "mensagem reencaminhada",
    // Dutch
    "oorspronkelijk bericht",
    "origineel bericht",
    "doorgestuurd bericht",
    // Polish
    "wiadomość oryginalna",
    "oryginalna wiadomość",
    "przekazana wiadomość",
    "wiadomość przekazana",
    "treść przekazanej wiadomości",
    // Swedish
    "ursprungligt meddelande",
    "originalmeddelande",
    "vidarebefordrat meddelande",
    // Danish, Norwegian
    "oprindelig meddelelse",
    "original meddelelse",
    "videresendt meddelelse",
    "opprinnelig melding",
    "original melding",
    "videresendt melding",
    // Russian
    "исходное сообщение",
    "оригинальное сообщение",
    "пересылаемое сообщение",
    "пересланное сообщение",
    // Chinese
    "原始邮件",
    "邮件原件",
    "转发的邮件",
    "转发邮件信息",
    "原始郵件",
    "轉寄的郵件",
    // Japanese
    "元のメッセージ",
    "元のメール",
    "転送メッセージ",
    "転送されたメッセージ",
];

/// What Apple Mail writes above a mail that it forwards, without the colon.
pub(super) const FORWARDS: &[&str] = &[
    "begin forwarded message",
    "anfang der weitergeleiteten nachricht",
    "anfang der weitergeleiteten e-mail",
    "début du message réexpédié",
    "début du message transféré",
    "inicio del mensaje reenviado",
    "inizio messaggio inoltrato",
    "inizio del messaggio inoltrato",
    "início da mensagem reencaminhada",
    "início da mensagem encaminhada",
    "begin doorgestuurd bericht",
    "początek przekazywanej wiadomości",
    "vidarebefordrat brev",
    "start på videresendt besked",
    "start på videresendt melding",
    "начало переадресованного сообщения",
    "下面是被转发的邮件",
    "以下是轉寄的郵件",
    "転送されたメッセージ",
];

/// Labels of the lines that name the mail: who sent it.
pub(super) const FROM: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "od",
    "nadawca",
    "från",
    "fra",
    "от",
    "от кого",
    "发件人",
    "寄件者",
    "差出人",
    "expéditeur",
    "remitente",
    "mittente",
    "remetente",
    "afzender",
];

/// When it was sent.
pub(super) const SENT: &[&str] = &[
    "sent",
    "date",
    "received",
    "gesendet",
    "datum",
    "empfangen",
    "envoyé",
    "reçu",
    "enviado",
    "enviado el",
    "fecha",
    "recibido",
    "inviato",
    "data",
    "ricevuto",
    "enviada em",
    "enviado em",
    "enviada",
    "recebido",
    "verzonden",
    "ontvangen",
    "wysłano",
    "wysłane",
    "skickat",
    "sendt",
    "dato",
    "отправлено",
    "дата",
    "发送时间",
    "发送日期",
    "日期",
    "寄件日期",
    "送信日時",
    "日付",
    "送信日",
];

/// To whom.
pub(super) const TO: &[&str] = &[
    "to",
    "cc",
    "an",
    "à",
    "a",
    "para",
    "aan",
    "do",
    "dw",
    "till",
    "til",
    "kopia",
    "kopi",
    "кому",
    "копия",
    "收件人",
    "抄送",
    "收件者",
    "副本",
    "宛先",
    "destinataire",
    "destinatario",
    "kopie",
];

/// About what.
pub(super) const SUBJECT: &[&str] = &[
    "subject",
    "betreff",
    "objet",
    "sujet",
    "asunto",
    "oggetto",
    "assunto",
    "onderwerp",
    "temat",
    "ämne",
    "emne",
    "тема",
    "主题",
    "主旨",
    "件名",
];

/// What the subject of a mail begins with that is forwarded, without the colon.
pub(super) const FORWARDED: &[&str] = &[
    "fwd", "fw", "wg", "tr", "rv", "i", "enc", "doorst", "pd", "vb", "vs", "转发", "轉寄", "転送",
];

/// What phones write under a mail: the beginning of the line.
pub(super) const PHONES: &[&str] = &[
    "sent from my ",
    "sent from outlook",
    "sent from mobile",
    "get outlook for ",
    "von meinem ",
    "gesendet von ",
    "gesendet mit der ",
    "outlook für ",
    "envoyé de mon ",
    "envoyé depuis ",
    "envoyé à partir de ",
    "obtenez outlook pour ",
    "télécharger outlook pour ",
    "enviado desde ",
    "obtener outlook para ",
    "inviato da ",
    "inviato dal ",
    "scarica outlook per ",
    "ottieni outlook per ",
    "enviado do ",
    "enviado de ",
    "obter o outlook para ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "download outlook voor ",
    "wysłane z ",
    "pobierz aplikację outlook",
    "skickat från ",
    "hämta outlook för ",
    "sendt fra ",
    "hent outlook til ",
    "отправлено с ",
    "发自我的",
    "从我的",
    "iphoneから送信",
    "outlook for ",
];
