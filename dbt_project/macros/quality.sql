{#- The eight rules of M6.3 that can make an account flagged; being inactive is stored beside them and is no sign of being fake. -#}
{% macro quality_rules() %}
    {{ return([
        'has_following_excess',
        'has_spam_phrases',
        'has_repeated_posts',
        'has_mostly_reshares',
        'has_mostly_links',
        'has_never_posted',
        'has_old_default_picture',
        'has_empty_profile',
    ]) }}
{% endmacro %}

{#- Prevalence behind a flagged share, by what the flag misses and wrongly hits (Rogan & Gladen 1978), clipped to what a share can be. -#}
{% macro corrected_prevalence(flagged_share, sensitivity, specificity) -%}
case when {{ flagged_share }} is not null then
    least(greatest(({{ flagged_share }} + {{ specificity }} - 1) / nullif({{ sensitivity }} + {{ specificity }} - 1, 0), 0e0), 1e0)
end
{%- endmacro %}

{#- Variance of the same before clipping: the flagged share is what varies, the two error rates are taken as given. -#}
{% macro corrected_variance(flagged_share, judged_count, sensitivity, specificity) -%}
{{ flagged_share }} * (1 - {{ flagged_share }})
/ nullif({{ judged_count }} * ({{ sensitivity }} + {{ specificity }} - 1) * ({{ sensitivity }} + {{ specificity }} - 1), 0)
{%- endmacro %}

{#- Share of the flagged who are fake. -#}
{% macro flag_precision(prevalence, sensitivity, specificity) -%}
{{ prevalence }} * {{ sensitivity }}
/ nullif({{ prevalence }} * {{ sensitivity }} + (1 - {{ prevalence }}) * (1 - {{ specificity }}), 0)
{%- endmacro %}
