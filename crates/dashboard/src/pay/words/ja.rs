//! The payment page in Japanese.

use super::{Methods, Notice, Problems, Words};

pub(super) static WORDS: Words = Words {
    title: "{merchant}へのお支払い",
    from: "請求元",
    to_pay: "お支払い金額",
    to_reserve: "仮押さえ金額",
    invoice: "請求書",
    pay_until: "お支払い期限",
    pay: "{amount}を支払う",
    reserve: "{amount}を仮押さえする",
    reserved_only: "現時点では金額の仮押さえのみ行います。後日、{merchant}が請求を確定するか、仮押さえを解除します。",
    subscription: "サブスクリプションのお支払いです。",
    how: "お支払い方法をお選びください",
    test_mode: "テストモード：実際の決済は行われません。",
    test_hint: "テスト決済の動作をお選びください。",
    language: "言語",
    look_again: "最新の状況を確認する",
    go_on_to: "{place}へ進む",
    needs_script: "カードでのお支払いにはJavaScriptが必要です。有効にしてから、ページを再読み込みしてください。",
    card_stays_there: "カード番号は決済代行会社に直接送られ、{merchant}には渡りません。",
    nothing_offered: "現在、こちらではお支払いいただけません。{merchant}にお問い合わせください。",
    paid: Notice {
        title: "お支払いが完了しました。ありがとうございます。",
        text: "{merchant}に通知しました。",
    },
    reserved: Notice {
        title: "仮押さえが完了しました。ありがとうございます。",
        text: "{merchant}に通知しました。後日、請求が確定されるか、仮押さえが解除されます。",
    },
    paid_at: "お支払い日時",
    paid_before: "お手続きの時点で、すでに支払い済みでした。二重の請求はありません。",
    waiting: Notice {
        title: "お支払いを処理しています",
        text: "しばらく時間がかかることがあります。このままお待ちいただく必要はありませんが、重ねてお支払いにならないようお願いいたします。結果はこのページに表示されます。",
    },
    action: Notice {
        title: "お支払いの確認が必要です",
        text: "ご利用の銀行で確認のお手続きをお願いいたします。お手続きが終わると、このページに戻ります。",
    },
    act: "銀行で確認する",
    expired: Notice {
        title: "このお支払いのご依頼は期限切れです",
        text: "このご依頼ではお支払いいただけなくなりました。{merchant}に新しいご依頼をお求めください。",
    },
    canceled: Notice {
        title: "このお支払いのご依頼は取り消されました",
        text: "お支払いの必要はありません。ご不明な点は{merchant}にお問い合わせください。",
    },
    invoice_closed: Notice {
        title: "お支払いの必要はありません",
        text: "請求書は別の方法で支払い済みか、取り消されています。",
    },
    tried_too_often: Notice {
        title: "試行回数の上限に達しました",
        text: "安全のため、このご依頼ではこれ以上お試しいただけません。{merchant}に新しいご依頼をお求めください。",
    },
    not_found: Notice {
        title: "ページが見つかりません",
        text: "受け取ったメッセージのとおり、アドレスが最後まで入力されているかご確認ください。",
    },
    busy: Notice {
        title: "しばらくしてからもう一度お試しください",
        text: "現在ページを表示できません。お支払いの途中だった場合は、再度お試しになる前にページを読み込み直してください。結果が表示されます。",
    },
    not_from_here: Notice {
        title: "お支払いは行われていません",
        text: "フォームがこのページから送信されたものではありません。リンクを開き直し、そちらからお支払いください。",
    },
    slow_down: Notice {
        title: "試行回数が多すぎます",
        text: "お支払いは行われていません。{seconds}秒待ってから、もう一度お試しください。",
    },
    not_paid: "お支払いは行われていません。",
    problems: Problems {
        declined: "銀行またはカード会社がお支払いを承認しませんでした。別の方法をお選びいただくか、銀行またはカード会社にお問い合わせください。",
        insufficient_funds: "残高が不足しています。別の方法をお選びいただくか、後でもう一度お試しください。",
        expired_method: "カードの有効期限が切れています。別の方法をお選びください。",
        not_confirmed: "確認のお手続きが完了しませんでした。もう一度お試しいただくか、別の方法をお選びください。",
        not_sent: "お支払いを送信できませんでした。もう一度お試しください。",
        method_unusable: "この方法ではお支払いいただけません。別の方法をお選びください。",
        offer_changed: "このご依頼の内容が変わりました。ご確認のうえ、もう一度お試しください。",
        busy: "現在混み合っています。しばらくしてからもう一度お試しください。",
        no_method: "お支払い方法をお選びください。",
        card_number: "カード番号は絶対にここに入力しないでください。送信された内容は保存されていません。",
    },
    methods: Methods {
        success: "カード（承認）",
        decline: "カード（拒否）",
        insufficient_funds: "カード（残高不足）",
        expired: "カード（期限切れ）",
        ach: "口座引き落とし（後日入金）",
        ach_return: "口座引き落とし（後日取り消し）",
        timeout: "カード（応答が失われる）",
        timeout_lost: "カード（支払いが失われる）",
        requires_action: "カード（銀行での確認あり）",
        processor_error: "カード（決済代行会社の障害）",
        refund_fails: "カード（返金に失敗）",
        refund_pending: "カード（返金に時間がかかる）",
    },
};
