"""The names of months in twelve languages."""

_LATIN = (
    "january jan enero ene janeiro janvier januar jänner gennaio januari styczeń stycznia ocak",
    "february feb febrero fevereiro fev février februar febbraio februari luty lutego şubat",
    "march mar marzo março mars märz maart marzec marca mart maret",
    "april apr abril abr avril aprile kwiecień kwietnia nisan",
    "may mayo maio mai maggio mei maj maja mayıs",
    "june jun junio junho juin juni giugno czerwiec czerwca haziran",
    "july jul julio julho juillet juli luglio lipiec lipca temmuz",
    "august aug agosto ago août aout augustus sierpień sierpnia ağustos agustus",
    "september sep sept septiembre setembro septembre settembre wrzesień września eylül",
    "october oct octubre outubro out octobre oktober ottobre październik października ekim",
    "november nov noviembre novembro novembre listopad listopada kasım",
    "december dec diciembre dic dezembro dez décembre dezember dicembre desember grudzień grudnia aralık",
)
_OTHERS = (
    "जनवरी يناير",
    "फरवरी फ़रवरी فبراير شباط",
    "मार्च مارس آذار",
    "अप्रैल أبريل ابريل إبريل نيسان",
    "मई مايو أيار",
    "जून يونيو حزيران",
    "जुलाई يوليو تموز",
    "अगस्त أغسطس اغسطس",
    "सितंबर सितम्बर سبتمبر أيلول",
    "अक्टूबर अक्तूबर أكتوبر اكتوبر",
    "नवंबर नवम्बर نوفمبر",
    "दिसंबर दिसम्बर ديسمبر",
)
MONTH_OF = {
    name: number for months in (_LATIN, _OTHERS) for number, names in enumerate(months, 1) for name in names.split()
}
"""The number of a month by its name, in small letters."""
