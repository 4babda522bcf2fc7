"""The words of automatic replies in Polish, Turkish, Indonesian, Arabic and Hindi, as `marks.plain` returns them."""

SUBJECT_PREFIXES = ("temat: ", "konu: ", "subjek: ", "perihal: ", "الموضوع: ", "विषय: ")

SUBJECTS = (
    *("automatyczna odpowiedź", "odpowiedź automatyczna", "autoodpowiedź", "zawiadomienie o nieobecności"),
    *("otomatik yanit", "otomatik cevap", "ofis dişi yaniti", "ofis dişinda yaniti", "otomatik yanitlama"),
    *("balasan otomatis", "jawaban otomatis", "respons otomatis", "pesan otomatis", "balas otomatis"),
    *("رد تلقائي", "الرد التلقائي", "رد آلي", "إجابة تلقائية", "رد تلقائى"),
    *("स्वचालित उत्तर", "स्वचालित जवाब", "स्वचालित प्रतिक्रिया", "स्वतः उत्तर", "स्वत: उत्तर", "ऑटो रिप्लाई"),
)

OFFICE_SUBJECTS = (
    *("poza biurem", "nieobecność", "nieobecny", "nieobecna", "ofis dişinda", "ofis dişi", "di luar kantor"),
    *("tidak di kantor", "sedang cuti", "خارج المكتب", "कार्यालय से बाहर", "ऑफिस से बाहर", "ऑफ़िस से बाहर"),
)

OUT_OF_OFFICE = (
    *("poza biurem", "jestem nieobecny", "jestem nieobecna", "będę nieobecny", "będę nieobecna", "przebywam poza"),
    *("nieobecny do", "nieobecna do", "nie ma mnie w biurze", "nie będzie mnie w biurze"),
    *("ofis dişindayim", "ofiste değilim", "ofiste olmayacağim", "ofis dişinda olacağim", "ofiste bulunmamaktayim"),
    *("ofis dişinda bulunmaktayim", "di luar kantor", "tidak berada di kantor", "tidak di kantor"),
    *("خارج المكتب", "خارج مكتبي", "لست في المكتب", "غير موجود في المكتب", "غير متواجد في المكتب"),
    *("कार्यालय से बाहर", "कार्यालय में नहीं", "ऑफिस से बाहर", "ऑफ़िस से बाहर", "ऑफिस में नहीं"),
)

ON_LEAVE = (
    *("na urlopie", "na wakacjach", "na zwolnieniu lekarskim", "w podróży służbowej", "w delegacji"),
    *("izindeyim", "yillik izinde", "tatildeyim", "izinde olacağim", "izinli olacağim", "iş seyahatindeyim"),
    *("sedang cuti", "cuti sampai", "cuti hingga", "cuti tahunan", "sedang berlibur", "sedang liburan"),
    *("في إجازة", "في اجازة", "إجازة سنوية", "إجازتي", "छुट्टी पर", "अवकाश पर", "छुट्टियों पर"),
)

AUTOMATIC = (
    *("automatyczna odpowiedź", "odpowiedź automatyczna", "wiadomość automatyczna", "wygenerowana automatycznie"),
    *("otomatik yanit", "otomatik bir yanittir", "otomatik bir mesajdir", "otomatik olarak oluşturulmuştur"),
    *("otomatik olarak gönderilmiştir", "balasan otomatis", "pesan otomatis", "dibuat secara otomatis"),
    *("dikirim secara otomatis", "رد تلقائي", "رسالة تلقائية", "رسالة آلية", "رد آلي"),
    *("स्वचालित उत्तर", "स्वचालित संदेश", "स्वचालित ईमेल", "स्वचालित जवाब"),
)

NOT_READ = (
    *(
        "ograniczony dostęp",
        "dostępu do poczty",
        "dostęp do poczty",
        "nie zostanie przekazana",
        "nie będą przekazywane",
    ),
    *("e-postalarima erişim", "erişimim sinirli", "yönlendirilmeyecek", "akses terbatas", "akses email"),
    *("tidak akan diteruskan", "وصول محدود", "لن يتم تحويل", "सीमित पहुँच", "ईमेल नहीं देख"),
)

ANSWER_LATER = (
    *("po powrocie", "po moim powrocie", "odpowiem", "odpiszę", "döndüğümde", "dönüşümde", "yanitlayacağim"),
    *("cevaplayacağim", "dönüş yapacağim", "akan membalas", "akan saya balas", "akan saya jawab", "setelah kembali"),
    *("saat kembali", "عند عودتي", "بعد عودتي", "سأرد", "سوف أرد", "लौटने पर", "वापस आने पर", "जवाब दूंगा", "जवाब दूंगी"),
    *("जवाब दूँगा", "जवाब दूँगी", "उत्तर दूंगा", "उत्तर दूँगा"),
)

CONTACT = (
    *("w pilnych sprawach", "w sprawach pilnych", "proszę o kontakt z", "prosimy o kontakt z", "kontaktować się"),
    *("pod moją nieobecność", "podczas mojej nieobecności", "zwroty proszę", "w sprawie zwrotów proszę"),
    *("acil durumlarda", "acil konular", "yokluğumda", "iletişime geç", "iade talepleri için", "iadeler için"),
    *("hal mendesak", "keperluan mendesak", "keadaan darurat", "silakan hubungi", "harap hubungi", "untuk retur"),
    *("للحالات العاجلة", "للأمور العاجلة", "الحالات الطارئة", "يرجى التواصل مع", "يرجى الاتصال", "الرجاء التواصل مع"),
    *("أثناء غيابي", "خلال غيابي", "للإرجاع يرجى", "अत्यावश्यक", "मेरी अनुपस्थिति में", "से संपर्क करें", "तत्काल मामलों"),
)

THANKS = (
    *("dziękuję za wiadomość", "dziękuję za twoją wiadomość", "dziękuję za kontakt", "dziękujemy za wiadomość"),
    *("państwa wiadomość", "dziękuję za e-mail", "dziękuję za maila", "mesajiniz için teşekkür"),
    *("e-postaniz için teşekkür", "iletiniz için teşekkür", "mailiniz için teşekkür", "terima kasih atas email"),
    *("terima kasih atas e-mail", "terima kasih atas pesan", "terima kasih telah menghubungi", "شكرا لرسالتك"),
    *("شكرا على رسالتك", "شكرا لتواصلك", "أشكركم على رسالتكم", "संदेश के लिए धन्यवाद", "ईमेल के लिए धन्यवाद"),
)

UNTIL = (
    *(f" do {figure}" for figure in range(1, 10)),
    *(" do dnia", " do końca", "wracam", "wrócę", " kadar", "döneceğim", "dönüyorum", "sampai", "hingga"),
    *("kembali pada", "kembali tanggal", "حتى", "إلى غاية", "سأعود", " तक ", "लौटूँगा", "लौटूंगा", "वापस आऊँगा"),
)
