"""Words such as "order" that say what the number right behind them is."""

import re

_NUMBER_WORD = r"(?:n[ro]s?\b\.?|num(?:ber|éro|ero|mer)?\b\.?|n[úu]mero\b|numer\b|n[°º]|id\b|code\b)"
_ORDER_WORD = re.compile(
    r"(?:order|purchase|pedido|encomenda|compra|commande|bestell(?:ung)?s?|auftrags?|ordine|bestelling|zam[oó]wieni[ea]|"
    r"sipari[sş]|pesanan|factura|facture|fatura|fattura|rechnungs?|invoice|ticket|case|reference|ref|referencia|"
    r"tracking|parcel|item|article|artikel|art[ií]culo|articolo|produkt|product|sku|ean|imei|serial|customer|kunden|"
    r"cliente?|account|konto|طلب|ऑर्डर)"
    rf"[\s\-]?(?:{_NUMBER_WORD})?\s?(?:is|es|é|est|ist|è)?[\s.:#\-]{{0,3}}$",
    re.IGNORECASE,
)
_DISTANCE = 40


def is_behind_order_word(text: str, start: int) -> bool:
    """Whether the number at a position is named as an order's, an article's or the like."""
    return _ORDER_WORD.search(text[max(0, start - _DISTANCE) : start]) is not None
