"""French.

Amounts follow a colon: after "de", "un" and the vowels would have to be elided. The hundredth of a dollar is
"centime" here, because speech engines read "cents" as the number one hundred.
"""

from mediasrv.prompts.pack import CurrencyNouns, Pack, noun

PACK = Pack(
    code="fr",
    voice="fr-fr",
    words_per_minute=155,
    rule_sets={"": "%spellout-numbering", "m": "%spellout-cardinal-masculine", "f": "%spellout-cardinal-feminine"},
    minute=noun("f", one="{n} minute", many="{n} de minutes", other="{n} minutes"),
    second=noun("f", one="{n} seconde", many="{n} de secondes", other="{n} secondes"),
    currencies={
        "USD": CurrencyNouns(
            noun("m", one="{n} dollar", many="{n} de dollars", other="{n} dollars"),
            noun("m", one="{n} centime", other="{n} centimes"),
        ),
        "EUR": CurrencyNouns(
            noun("m", one="{n} euro", many="{n} d'euros", other="{n} euros"),
            noun("m", one="{n} centime", other="{n} centimes"),
        ),
        "GBP": CurrencyNouns(
            noun("f", one="{n} livre", many="{n} de livres", other="{n} livres"),
            noun("m", one="{n} penny", other="{n} pence"),
        ),
        "MXN": CurrencyNouns(
            noun("m", one="{n} peso mexicain", many="{n} de pesos mexicains", other="{n} pesos mexicains"),
            noun("m", one="{n} centavo", other="{n} centavos"),
        ),
    },
    part_joined="et {part}",
    point="virgule",
    star="étoile",
    pound="dièse",
    texts={
        "welcome": "Bienvenue.",
        "language_choice": "Pour le français, tapez {key}.",
        "pin_ask": "Veuillez composer votre code, suivi de la touche dièse.",
        "language_not_offered": "Votre carte ne propose pas la langue que vous avez choisie.",
        "language_fee": "Dans cette langue, chaque appel à notre service coûte en plus : {amount}.",
        "language_fee_choice": "Pour accepter, tapez 1. Pour continuer dans une autre langue sans ce supplément, "
        "tapez 2.",
        "balance": "Votre crédit : {amount}.",
        "balance_low": "Votre crédit est faible.",
        "surcharge": "Chaque appel par ce numéro d'accès coûte en plus : {amount}.",
        "destination_ask": "Veuillez composer le numéro que vous désirez appeler, suivi de la touche dièse. "
        "Pour réécouter, tapez étoile.",
        "destination_next": "Pour un autre appel, composez le numéro, suivi de la touche dièse.",
        "destination_redial": "Pour rappeler le dernier numéro, tapez seulement la touche dièse.",
        "destination_services": "Pour les autres services, tapez zéro, puis la touche dièse.",
        "minutes": "Vous avez {minutes} pour cet appel.",
        "seconds": "Vous avez {seconds} pour cet appel.",
        "connecting": "Veuillez patienter, nous vous mettons en relation.",
        "nothing_heard": "Nous n'avons reçu aucun chiffre.",
        "key_wrong": "Ce choix n'est pas proposé.",
        "too_many_tries": "Nous n'avons pas pu comprendre votre saisie.",
        "refusal_no_rate": "Cette carte ne permet pas d'appeler cette destination.",
        "refusal_no_credit": "Votre crédit ne suffit pas pour cet appel.",
        "refusal_no_route": "Cette destination ne peut pas être jointe en ce moment.",
        "refusal_bad_number": "Ce numéro de téléphone n'est pas valable. "
        "Veuillez le composer avec l'indicatif du pays.",
        "refusal_blocked_destination": "Les appels vers cette destination ne sont pas autorisés.",
        "refusal_emergency": "Les numéros d'urgence et les numéros courts ne peuvent pas être appelés par ce service. "
        "Veuillez raccrocher et composer le numéro directement sur votre téléphone.",
        "refusal_unknown_card": "Cette carte n'est pas connue.",
        "refusal_card_inactive": "Cette carte n'est pas activée.",
        "refusal_card_blocked": "Cette carte est bloquée. Veuillez vous adresser à votre point de vente.",
        "refusal_card_expired": "Cette carte a expiré.",
        "refusal_card_exhausted": "Cette carte est épuisée.",
        "refusal_call_limit": "Un autre appel est en cours avec cette carte.",
        "refusal_velocity": "Trop d'appels ont été faits avec cette carte. Veuillez réessayer plus tard.",
        "refusal_wrong_pin": "Ce code n'est pas correct.",
        "refusal_locked": "Trop de codes incorrects ont été composés. Veuillez réessayer plus tard.",
        "refusal_not_refillable": "Cette carte ne peut pas être rechargée.",
        "refusal_voucher_used": "Ce bon n'est pas valable.",
        "refusal_ani_taken": "Ce téléphone ne peut pas être enregistré sur cette carte.",
        "refusal_unknown_hold": "Votre appel n'a pas pu aboutir.",
        "refusal_hold_used": "Votre appel n'a pas pu aboutir.",
        "call_completed": "Votre appel est terminé.",
        "call_busy": "Le numéro est occupé.",
        "call_no_answer": "Votre correspondant ne répond pas.",
        "call_rejected": "Votre appel a été refusé.",
        "call_wrong_number": "Ce numéro n'est pas en service.",
        "call_unreachable": "Ce numéro ne peut pas être joint en ce moment.",
        "call_credit_used_up": "Votre appel a été coupé, car votre crédit est épuisé.",
        "call_longest": "Votre appel a été coupé, car il a atteint la durée maximale.",
        "option_refill": "Pour recharger votre carte avec un bon, tapez {key}.",
        "option_other_card": "Pour utiliser une autre carte, tapez {key}.",
        "option_other_number": "Pour appeler un autre numéro, tapez {key}.",
        "option_balance": "Pour écouter votre crédit, tapez {key}.",
        "option_language": "Pour changer de langue, tapez {key}.",
        "option_speed_dial": "Pour enregistrer le dernier numéro en numérotation rapide, tapez {key}.",
        "option_register": "Pour utiliser désormais ce téléphone sans code, tapez {key}.",
        "option_back": "Pour revenir, tapez {key}.",
        "voucher_ask": "Veuillez composer le numéro du bon, suivi de la touche dièse.",
        "voucher_done": "Merci. Votre carte a été rechargée.",
        "voucher_is_no_card": "C'est le numéro d'un bon, qui sert à recharger une carte. "
        "Veuillez utiliser le code de votre carte.",
        "register_offer": "Pour utiliser désormais ce téléphone sans code, tapez 1, "
        "et il ne vous sera plus demandé. Pour continuer, tapez 2.",
        "register_done": "Ce téléphone est enregistré. Le code ne vous sera plus demandé.",
        "speed_dial_ask": "Tapez la touche, de 1 à 9, sous laquelle enregistrer le numéro. "
        "Un numéro déjà enregistré sous cette touche est remplacé.",
        "speed_dial_done": "Le numéro est enregistré. Pour l'appeler, tapez {key}, puis la touche dièse.",
        "speed_dial_empty": "Aucun numéro n'est enregistré sous cette touche.",
        "apology": "Nous sommes désolés. Le service n'est pas disponible en ce moment. Veuillez rappeler plus tard.",
        "goodbye": "Au revoir.",
        "warning": "Votre crédit est bientôt épuisé. Cet appel va se terminer.",
        "demo_gateway": "Ceci est la passerelle de démonstration. Vous êtes en ligne, et cette voix est à l'autre bout "
        "de votre appel. Raccrochez quand vous voulez.",
    },
)
